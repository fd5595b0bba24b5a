package hfhub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Revision is what a branch, tag, ref or abbreviated commit stood for when it
// was asked.
type Revision struct {
	Name   string // as asked
	Commit string
	ID     string // of the repository; another one if it was renamed
}

// Resolve asks the Hub for the commit of a revision. A whole commit hash needs
// no asking.
func (c *Client) Resolve(ctx context.Context, r Repo, rev string) (Revision, error) {
	if err := errors.Join(r.Check(), CheckRevision(rev)); err != nil {
		return Revision{}, err
	}
	if IsCommit(rev) {
		return Revision{rev, rev, r.ID}, nil
	}
	if c.o.Offline {
		return Revision{}, fmt.Errorf("%w: %s@%s: offline", ErrOffline, r, rev)
	}
	var info struct {
		ID  string `json:"id"`
		SHA string `json:"sha"`
	}
	budget := int64(maxJSON)
	if _, err := c.getJSON(ctx, c.apiURL(r, "revision", rev, ""), &info, &budget); err != nil {
		return Revision{}, c.about(r, rev, err)
	}
	if !IsCommit(info.SHA) {
		return Revision{}, fmt.Errorf("%w: %s names no commit for %s@%s", ErrNotHub, c.o.Endpoint, r, rev)
	}
	return Revision{rev, info.SHA, info.ID}, nil
}

// about adds what was asked for and what to do.
func (c *Client) about(r Repo, rev string, err error) error {
	switch {
	case errors.Is(err, ErrGated):
		return fmt.Errorf("%s@%s: log in and accept its terms at %s/%s: %w", r, rev, c.o.Endpoint, r.ID, err)
	case errors.Is(err, ErrAuth) && c.token == "":
		return fmt.Errorf("%s@%s: private or missing; log in to see private repositories: %w", r, rev, err)
	}
	return fmt.Errorf("%s@%s: %w", r, rev, err)
}

// maxJSON bounds the answers of the API for one repository, in bytes.
const maxJSON = 64 << 20

// getJSON reads an answer of the API, of at most budget bytes, which it counts
// down.
func (c *Client) getJSON(ctx context.Context, url string, v any, budget *int64) (http.Header, error) {
	retry := retrier{c: c}
	for {
		header, body, err := c.getBytes(ctx, url, *budget)
		if err == nil {
			err = decode(body, v, url)
		}
		if err == nil {
			*budget -= int64(len(body))
			return header, nil
		}
		if err := retry.after(ctx, err); err != nil {
			return nil, err
		}
	}
}

func (c *Client) getBytes(ctx context.Context, url string, limit int64) (http.Header, []byte, error) {
	rep, err := c.send(ctx, request{method: http.MethodGet, url: url, idle: c.o.MetadataTimeout, bucket: "api"})
	if err != nil {
		return nil, nil, err
	}
	defer rep.Body.Close() //nolint:errcheck // what was read counts
	body, err := io.ReadAll(io.LimitReader(rep.Body, limit+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(body)) > limit {
		return nil, nil, fmt.Errorf("%w: %s: more than %d bytes of JSON", ErrNotHub, redacted(rep.at), maxJSON)
	}
	return rep.Header, body, nil
}

// decode reads JSON. What begins like JSON and does not end so was cut off;
// anything else is no Hub's.
func decode(body []byte, v any, url string) error {
	// Empty objects would take thirty times their bytes. A file has nine fields.
	if bytes.Count(body, []byte{','}) > 20*maxFiles {
		return fmt.Errorf("%w: %s lists more than %d files", ErrNotHub, withoutQuery(url), maxFiles)
	}
	err := json.Unmarshal(body, v)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	start := bytes.TrimSpace(body)
	if errors.As(err, &syntax) && (len(start) == 0 || start[0] == '{' || start[0] == '[') {
		return again("%s: the answer is cut off", withoutQuery(url))
	}
	return fmt.Errorf("%w: %s does not answer with the JSON of a Hub", ErrNotHub, withoutQuery(url))
}
