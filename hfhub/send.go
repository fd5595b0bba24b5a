package hfhub

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// maxHops bounds a chain of redirects.
const maxHops = 10

// request is one thing to ask for, whatever the number of redirects to it.
type request struct {
	method string
	url    string
	span   string        // value of Range, or ""
	idle   time.Duration // without a byte until it counts as stalled
	bucket string        // of the rate limit
	commit string        // what the Hub must say the content belongs to; "" to skip
	leave  bool          // redirects may leave the endpoint's origin
	locate bool          // stop at the redirect that does
}

// reply is the answer at the end of the redirects. Its body ends with an error
// if it stalls; the caller closes it.
type reply struct {
	*http.Response
	at  *url.URL // what answered; with locate, where the content is
	cdn bool     // at is not the endpoint's origin
}

// send makes one try. An answer that is not a success is a [StatusError],
// transient if trying again makes sense.
func (c *Client) send(ctx context.Context, rq request) (*reply, error) {
	at, err := url.Parse(rq.url)
	if err != nil {
		return nil, fmt.Errorf("%w: an address cannot be read", ErrRemote)
	}
	hub := sameOrigin(at, c.endpoint)
	for range maxHops {
		resp, err := c.hop(ctx, rq, at, hub) //nolint:bodyclose // drained below, or closed by whoever gets the reply
		if err != nil {
			return nil, err
		}
		if resp.StatusCode/100 != 3 || resp.StatusCode == http.StatusNotModified {
			return c.judge(resp, rq, at, hub)
		}
		drain(resp.Body)
		next, err := redirect(at, resp.Header.Get("Location"))
		if err != nil {
			return nil, err
		}
		inside := hub && sameOrigin(next, c.endpoint)
		if hub && !inside {
			if !rq.leave {
				return nil, fmt.Errorf("%w: %s redirects to %s", ErrNotHub, c.o.Endpoint, redacted(next))
			}
			if err := checkCommit(resp.Header, rq, at); err != nil {
				return nil, err
			}
			if rq.locate {
				return &reply{resp, next, true}, nil
			}
		}
		at, hub = next, inside
	}
	return nil, fmt.Errorf("%w: %s: more than %d redirects", ErrRemote, redacted(at), maxHops)
}

// drain ends a body whose content does not matter. A short one is read, so that
// its connection can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 8<<10)
	_ = body.Close()
}

// hop sends the request to one address. The token goes with it only as long
// as the endpoint's origin was not left.
func (c *Client) hop(ctx context.Context, rq request, at *url.URL, hub bool) (*http.Response, error) {
	bucket := rq.bucket
	if !hub {
		bucket = at.Host
	}
	if err := c.gate.wait(ctx, bucket); err != nil {
		return nil, err
	}
	watched, stop := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(watched, rq.method, at.String(), nil)
	if err != nil {
		stop(nil)
		return nil, fmt.Errorf("%w: %s: no valid request", ErrRemote, redacted(at))
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Accept-Encoding", "identity")
	if rq.span != "" {
		req.Header.Set("Range", rq.span)
	}
	if hub && c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	start := time.Now()
	dog := &watchdog{idle: rq.idle, stop: stop}
	dog.arm()
	resp, err := c.rt.RoundTrip(req)
	dog.rest()
	x := Exchange{Method: rq.method, URL: redacted(at), Range: rq.span, Seconds: time.Since(start).Seconds()}
	if err != nil {
		c.o.Observe(x)
		err = c.netError(ctx, watched, at, err)
		stop(nil)
		return nil, err
	}
	c.answered.Store(true)
	if hub {
		c.hear(resp.Header)
	}
	x.Status = resp.StatusCode
	c.o.Observe(x)
	if d := c.gate.note(bucket, resp.StatusCode, resp.Header); d >= longPause {
		c.o.Notify(fmt.Sprintf("%s limits the rate: going on in %v", at.Host, d.Round(time.Second)))
	}
	resp.Body = &watchedBody{ReadCloser: resp.Body, dog: dog, fail: func(err error) error {
		return c.netError(ctx, watched, at, err)
	}}
	return resp, nil
}

// longPause is how long a pause must be to be worth a word.
const longPause = 5 * time.Second

// maxTopics bounds how many warnings of the Hub are passed on.
const maxTopics = 16

// hear passes on the warnings in an answer, "topic; text", once a topic.
func (c *Client) hear(h http.Header) {
	for _, value := range h.Values("X-HF-Warning") {
		topic, text, ok := strings.Cut(value, ";")
		if !ok {
			topic, text = "", value
		}
		c.mu.Lock()
		known := c.heard[topic] || len(c.heard) >= maxTopics
		if !known {
			c.heard[topic] = true
		}
		c.mu.Unlock()
		if text = line(text); !known && text != "" {
			c.o.Notify("the Hub says: " + text)
		}
	}
}

// netError explains a failure of the connection. What the proxy or the
// certificate is to blame for is not tried again.
func (c *Client) netError(ctx, watched context.Context, at *url.URL, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if cause := context.Cause(watched); errors.Is(cause, errStalled) {
		err = cause
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		err = fmt.Errorf("%w: %w", ErrProxy, err)
	}
	if errors.Is(err, ErrProxy) {
		return fmt.Errorf("%w: %w", ErrRemote, err)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w: %s: %w", ErrRemote, redacted(at), err)
	}
	return again("%s: %w", redacted(at), err)
}

// judge turns an answer that is no redirect into a reply or an error.
func (c *Client) judge(resp *http.Response, rq request, at *url.URL, hub bool) (*reply, error) {
	if resp.StatusCode/100 == 2 {
		if hub && rq.commit != "" {
			if err := checkCommit(resp.Header, rq, at); err != nil {
				drain(resp.Body)
				return nil, err
			}
		}
		return &reply{resp, at, !hub}, nil
	}
	defer drain(resp.Body)
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return nil, &rangeError{resp.Header.Get("Content-Range")}
	}
	e := &StatusError{
		Status: resp.StatusCode, Code: line(resp.Header.Get("X-Error-Code")), URL: redacted(at),
		Message:   line(cmp.Or(resp.Header.Get("X-Error-Message"), message(resp.Body))),
		RequestID: line(cmp.Or(resp.Header.Get("X-Request-Id"), resp.Header.Get("X-Amz-Cf-Id"))),
		kind:      ErrRemote,
	}
	if hub {
		e.kind = statusKind(e.Status, e.Code, e.Message, c.token != "")
	}
	switch {
	case e.Status == http.StatusTooManyRequests:
		e.kind = ErrRateLimited
		return nil, transient{e}
	case transientStatus(e.Status):
		return nil, transient{e}
	case !hub:
		return nil, refusal{e} // a signed URL that is over, most likely
	}
	return nil, e
}

// refusal is a CDN's answer to a URL that it takes no more.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// checkCommit tells a Hub from a captive portal and from another commit.
func checkCommit(h http.Header, rq request, at *url.URL) error {
	switch got := h.Get("X-Repo-Commit"); {
	case rq.commit == "" || got == rq.commit:
		return nil
	case got == "":
		return fmt.Errorf("%w: %s answers without X-Repo-Commit", ErrNotHub, redacted(at))
	default:
		return fmt.Errorf("%w: %s is of commit %s, not %s", ErrNotHub, redacted(at), line(got), rq.commit)
	}
}

// message finds the text in the body of an error: JSON or a page.
func message(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, 4<<10))
	var v struct {
		Error any `json:"error"`
	}
	if json.Unmarshal(b, &v) == nil && v.Error != nil {
		return fmt.Sprint(v.Error)
	}
	if text := strings.TrimSpace(string(b)); !strings.HasPrefix(text, "<") {
		return text
	}
	return ""
}

// line makes the text of a stranger fit for an error message.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return strings.TrimSpace(s)
}
