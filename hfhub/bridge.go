package hfhub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Source is the content of a file at a commit.
type Source struct {
	Repo   Repo
	Commit string
	File   File
}

// Fetcher serves the bytes of files.
type Fetcher interface {
	// Fetch opens the bytes from ≤ x < to of a file. The reader may end early
	// or fail; the caller asks again for what it lacks, and so also after a
	// transient error. It may be called from several goroutines, which close
	// what they get.
	Fetch(ctx context.Context, src Source, from, to int64) (io.ReadCloser, error)
}

// errWhole says that the server knows no ranges: only 0..Size can be fetched.
var errWhole = errors.New("the server ignores ranges")

// mismatchError is a content that cannot be what the listing promised.
type mismatchError struct{ what, got, want string }

func (e *mismatchError) Error() string {
	return fmt.Sprintf("%s is %s, not %s", e.what, e.got, e.want)
}
func (e *mismatchError) Unwrap() error { return ErrDigest }

// rangeError is an answer 416.
type rangeError struct{ contentRange string }

func (e *rangeError) Error() string { return "range refused" }

// bridge fetches over plain HTTP, from the URLs that resolve redirects to. The
// signed URL of a file is kept and asked for anew when it is refused.
type bridge struct {
	c *Client

	mu   sync.Mutex
	urls map[string]*location // by digest
}

// location is where the CDN has a file. Its lock is held while it is looked
// up, so that the workers of a file ask once.
type location struct {
	mu  sync.Mutex
	url string
}

func newBridge(c *Client) *bridge { return &bridge{c: c, urls: map[string]*location{}} }

func (b *bridge) Fetch(ctx context.Context, src Source, from, to int64) (io.ReadCloser, error) {
	f := src.File
	rq := request{
		method: http.MethodGet, url: b.c.fileURL(src.Repo, src.Commit, f.Path), idle: b.c.o.DownloadTimeout,
		bucket: "resolvers", commit: src.Commit, leave: true,
	}
	whole := from == 0 && to == f.Size
	if !whole {
		rq.span = fmt.Sprintf("bytes=%d-%d", from, to-1)
	}
	var loc *location
	if f.SHA256 != "" {
		loc = b.location(f.SHA256)
		url, err := loc.find(ctx, b.c, src)
		if err != nil {
			return nil, err
		}
		if url != rq.url {
			rq.url, rq.commit = url, "" // a CDN knows no commits
		}
	}
	rep, err := b.c.send(ctx, rq)
	if err != nil {
		if r, ok := errors.AsType[refusal](err); ok {
			if loc != nil {
				loc.forget(rq.url)
			}
			return nil, transient(r)
		}
		if r, ok := errors.AsType[*rangeError](err); ok {
			return nil, refusedRange(f, r)
		}
		return nil, err
	}
	if err := checkBody(rep.Response, f, from, to, whole); err != nil {
		_ = rep.Body.Close()
		return nil, err
	}
	return rep.Body, nil
}

func (b *bridge) location(digest string) *location {
	b.mu.Lock()
	defer b.mu.Unlock()
	loc := b.urls[digest]
	if loc == nil {
		loc = &location{}
		b.urls[digest] = loc
	}
	return loc
}

// find gives the signed URL of an LFS file, or the Hub's own if it does not
// redirect.
func (l *location) find(ctx context.Context, c *Client, src Source) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.url != "" {
		return l.url, nil
	}
	rep, err := c.send(ctx, request{
		method: http.MethodHead, url: c.fileURL(src.Repo, src.Commit, src.File.Path), idle: c.o.MetadataTimeout,
		bucket: "resolvers", commit: src.Commit, leave: true, locate: true,
	})
	if err != nil {
		return "", err
	}
	_ = rep.Body.Close()
	if err := checkLinked(rep.Header, src.File); err != nil {
		return "", err
	}
	l.url = rep.at.String()
	return l.url, nil
}

// forget drops a URL that was refused, unless another worker was faster.
func (l *location) forget(url string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.url == url {
		l.url = ""
	}
}

// checkLinked compares what the Hub says of an LFS file now with its listing.
func checkLinked(h http.Header, f File) error {
	etag := strings.Trim(strings.TrimPrefix(h.Get("X-Linked-ETag"), "W/"), `"`)
	if etag != "" && etag != f.SHA256 {
		return &mismatchError{"the digest the Hub announces", line(etag), f.SHA256}
	}
	if size := h.Get("X-Linked-Size"); size != "" && size != strconv.FormatInt(f.Size, 10) {
		return &mismatchError{"the size the Hub announces", line(size), strconv.FormatInt(f.Size, 10)}
	}
	return nil
}

// checkBody compares the headers of a body with what was asked for.
func checkBody(resp *http.Response, f File, from, to int64, whole bool) error {
	if resp.Header.Get("Content-Encoding") != "" && resp.Header.Get("Content-Encoding") != "identity" {
		return fmt.Errorf("%w: %q comes encoded", ErrNotHub, f.Path)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if resp.ContentLength > f.Size {
			return &mismatchError{"the size of the answer", strconv.FormatInt(resp.ContentLength, 10), strconv.FormatInt(f.Size, 10)}
		}
		if !whole {
			return errWhole
		}
		return nil
	case http.StatusPartialContent:
		first, last, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if ok && total >= 0 && total != f.Size {
			return &mismatchError{"the size of the content", strconv.FormatInt(total, 10), strconv.FormatInt(f.Size, 10)}
		}
		if !ok || first != from || last >= to || last < first {
			return again("%q: asked for bytes %d-%d, got the range %q", f.Path, from, to-1, line(resp.Header.Get("Content-Range")))
		}
		return nil
	}
	return again("%q: unexpected status %d", f.Path, resp.StatusCode)
}

// refusedRange explains a 416: the content is shorter than listed, or the
// server is confused.
func refusedRange(f File, r *rangeError) error {
	size, err := strconv.ParseInt(strings.TrimPrefix(r.contentRange, "bytes */"), 10, 64)
	if err == nil && size != f.Size {
		return &mismatchError{"the size of the content", strconv.FormatInt(size, 10), strconv.FormatInt(f.Size, 10)}
	}
	return again("%q: the server refuses a range", f.Path)
}

// contentRange reads "bytes 0-9/100"; total is -1 for "*".
func contentRange(s string) (first, last, total int64, ok bool) {
	s, isBytes := strings.CutPrefix(s, "bytes ")
	span, size, hasSize := strings.Cut(s, "/")
	a, b, hasEnd := strings.Cut(span, "-")
	first, err1 := strconv.ParseInt(a, 10, 64)
	last, err2 := strconv.ParseInt(b, 10, 64)
	total, err3 := strconv.ParseInt(size, 10, 64)
	if size == "*" {
		total, err3 = -1, nil
	}
	return first, last, total, isBytes && hasSize && hasEnd && errors.Join(err1, err2, err3) == nil
}
