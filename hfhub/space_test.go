package hfhub

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/akadata/bitnet-tool/internal/hubtest"
)

// TestOnlyNamesAreMissing: content that another commit has brought takes neither
// the network nor space.
func TestOnlyNamesAreMissing(t *testing.T) {
	w := newWorld(t)
	w.mustPull()
	w.files["new"] = hubtest.Text("new")
	w.repo.Commit("main", w.files)
	c := w.cache()
	p, err := w.client().Plan(t.Context(), c, Request{Repo: testRepo})
	if err != nil {
		t.Fatal(err)
	}
	if m := p.Missing(c); len(m) != 1 || m[0].Path != "new" {
		t.Errorf("missing: %+v", m)
	}
	huge := File{Path: "huge", Size: 1 << 43, SHA256: strings.Repeat("a", 64)} // more than this disk has
	if err := checkSpace(c, p, []File{huge}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error %v", err)
	}
	blob := filepath.Join(w.dir, filepath.FromSlash(blobOf(testRepo, huge.SHA256)))
	if err := errors.Join(os.WriteFile(blob, nil, 0o666), os.Truncate(blob, huge.Size)); err != nil {
		t.Skip("no sparse files of that size: ", err)
	}
	err = checkSpace(c, p, []File{huge})
	if rerr := os.Remove(blob); rerr != nil { // nobody should read it
		t.Fatal(rerr)
	}
	if err != nil {
		t.Errorf("space is asked for what is there: %v", err)
	}
}

// TestCopyStops: a copy ends with its context and leaves nothing.
func TestCopyStops(t *testing.T) {
	w := newWorld(t)
	w.mustPull()
	c := w.cache()
	if err := c.root.WriteFile("from", []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := copyFile(ctx, c.root, "from", "to", "tmp"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := copyFile(ctx, c.root, "from", "to2", "tmp"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for _, name := range []string{"to2", "tmp"} {
		if _, err := c.root.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPauseIsSaid: who waits for minutes is told why, once.
func TestPauseIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		answers := 0
		c, err := New(Options{
			Endpoint: "https://hub.test", Notify: func(s string) { said = append(said, s) },
			Transport: scripted(func(*http.Request) *http.Response {
				if answers++; answers > 1 {
					return &http.Response{StatusCode: 404, Header: http.Header{}}
				}
				return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"100"}}}
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := c.Resolve(t.Context(), testRepo, "main"); !errors.Is(err, ErrNotFound) || time.Since(start) < 100*time.Second {
			t.Fatal(err, time.Since(start))
		}
		if len(said) != 1 || !strings.Contains(said[0], "1m40s") {
			t.Errorf("said %q", said)
		}
	})
}
