package hfhub

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// origin is what a token belongs to: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// parseEndpoint refuses an endpoint that holds a secret: it is shown, and noted
// in manifests. The error does not repeat it.
func parseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: the endpoint must be https://host without user, query or fragment", ErrName)
	}
	return u, nil
}

func sameOrigin(a, b *url.URL) bool { return origin(a) == origin(b) }

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// redacted is a URL as it may be shown: signed ones have their signature in
// the query.
func redacted(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// redirect finds where an answer of from leads to.
func redirect(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return nil, fmt.Errorf("%w: %s redirects to no web page", ErrRemote, redacted(from))
	}
	if to.User != nil {
		return nil, fmt.Errorf("%w: %s redirects to an address with a user name", ErrRemote, redacted(from))
	}
	if from.Scheme == "https" && to.Scheme == "http" {
		return nil, fmt.Errorf("%w: %s redirects to the unencrypted %s", ErrRemote, redacted(from), redacted(to))
	}
	to.Fragment = ""
	return to, nil
}

// rebase moves a URL that names the public Hub to the endpoint: mirrors pass
// on answers without changing them.
func (c *Client) rebase(u *url.URL) (*url.URL, error) {
	rest, ok := strings.CutPrefix(u.String(), DefaultEndpoint+"/")
	if !ok {
		return u, nil
	}
	return url.Parse(c.o.Endpoint + "/" + rest)
}

// apiURL is the address of a call about a revision. The revision is one
// segment, whatever it holds.
func (c *Client) apiURL(r Repo, call, rev, query string) string {
	s := c.o.Endpoint + "/api/" + r.Type.plural() + "/" + escapePath(r.ID) + "/" + call + "/" + url.PathEscape(rev)
	if query != "" {
		s += "?" + query
	}
	return s
}

// fileURL is the address of a file's content.
func (c *Client) fileURL(r Repo, commit, path string) string {
	prefix := "/"
	if r.Type != Model {
		prefix += r.Type.plural() + "/"
	}
	return c.o.Endpoint + prefix + escapePath(r.ID) + "/resolve/" + url.PathEscape(commit) + "/" + escapePath(path)
}

// escapePath escapes the segments of a path and keeps its slashes.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
