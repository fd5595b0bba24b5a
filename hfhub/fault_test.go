package hfhub

import (
	"errors"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/hubtest"
)

// TestFaults injects one fault a case. Each ends in the right bytes or in the
// error that is named, with nothing wrong under a final name; a second pull
// from a healthy Hub then always ends in the right bytes.
func TestFaults(t *testing.T) {
	const always = -1
	type fault = hubtest.Fault
	tests := []struct {
		name  string
		times int
		kind  string
		path  string
		fault fault
		want  error // nil: right bytes
		says  string
	}{
		{"cut connections", 6, "cdn", "big", fault{Cut: true, After: 30_000}, nil, ""},
		{"cut before the first byte", 3, "cdn", "big", fault{Cut: true}, nil, ""},
		{"cut for ever", always, "cdn", "big", fault{Cut: true}, ErrRemote, "gave up"},
		{"reset", 3, "cdn", "big", fault{Reset: true, After: 20_000}, nil, ""},
		{"reset of the listing", 2, "tree", "", fault{Reset: true}, nil, ""},
		{"cut regular file", 2, "cached", "config", fault{Cut: true, After: 5}, nil, ""},
		{"429 with Retry-After on the api", 1, "revision", "", fault{Status: 429, Header: map[string]string{"Retry-After": "1"}}, nil, ""},
		{"429 with RateLimit on resolve", 1, "resolve", "big", fault{Status: 429, Header: map[string]string{"RateLimit": `"resolvers";r=0;t=0`}}, nil, ""},
		{"429 on the CDN", 2, "cdn", "big", fault{Status: 429}, nil, ""},
		{"429 for ever", always, "tree", "", fault{Status: 429}, ErrRateLimited, "429"},
		{"500 on the api", 2, "revision", "", fault{Status: 500, Body: "<html>oops</html>"}, nil, ""},
		{"503 on the listing", 2, "tree", "", fault{Status: 503}, nil, ""},
		{"503 on resolve", 2, "resolve", "big", fault{Status: 503}, nil, ""},
		{"500 on the CDN", 2, "cdn", "big", fault{Status: 500}, nil, ""},
		{"503 on the CDN", 2, "cdn", "big", fault{Status: 503}, nil, ""},
		{"500 for ever", always, "revision", "", fault{Status: 500}, ErrRemote, "500"},
		{"expired URL", 2, "cdn", "big", fault{Status: 403, Body: "Request has expired"}, nil, ""},
		{"expired URL for ever", always, "cdn", "big", fault{Status: 403}, ErrRemote, "gave up"},
		{"CDN lost the file", 1, "cdn", "big", fault{Status: 404}, nil, ""},
		{"short body", 3, "cdn", "big", fault{Short: true, After: 10_000}, nil, ""},
		{"short body of a regular file", 1, "cached", "config", fault{Short: true, After: 3}, nil, ""},
		{"long body", always, "cdn", "xet", fault{Long: true}, ErrDigest, "xet.bin"},
		{"long body without length", always, "cdn", "xet", fault{Long: true, Chunked: true}, ErrDigest, "more than"},
		{"stall in a body", 1, "cdn", "big", fault{Stall: true, After: 20_000}, nil, ""},
		{"stall before the header", 1, "cdn", "big", fault{Stall: true}, nil, ""},
		{"ignored Range", always, "cdn", "big", fault{IgnoreRange: true}, nil, ""},
		{"ignored Range, once", 1, "cdn", "big", fault{IgnoreRange: true}, nil, ""},
		{"wrong Range", 2, "cdn", "big", fault{WrongRange: true}, nil, ""},
		{"wrong Range for ever", always, "cdn", "big", fault{WrongRange: true}, ErrRemote, "range"},
		{"416", 1, "cdn", "big", fault{Status: 416, Header: map[string]string{"Content-Range": "bytes */459986"}}, nil, ""},
		{"416 of other content", always, "cdn", "big", fault{Status: 416, Header: map[string]string{"Content-Range": "bytes */7"}}, ErrDigest, "size"},
		{"flipped byte", 1, "cdn", "big", fault{Flip: true, FlipAt: 3}, nil, ""},
		{"flipped byte for ever", always, "cdn", "xet", fault{Flip: true, FlipAt: 500}, ErrDigest, "fetched twice"},
		{"flipped byte of a regular file", always, "cached", "config", fault{Flip: true, FlipAt: 1}, ErrDigest, "config.json"},
		{"content changed between requests", 3, "cdn", "big", fault{Replace: hubtest.Random(9, bigSize)}, nil, ""},
		{"other size", always, "cdn", "big", fault{Replace: hubtest.Random(9, bigSize+5)}, ErrDigest, "size"},
		{"chunked answers", always, "cdn", "", fault{Chunked: true}, nil, ""},
		{"chunked regular file", always, "cached", "", fault{Chunked: true}, nil, ""},
		{"weak ETag", always, "resolve", "", fault{WeakETag: true}, nil, ""},
		{"captive portal on the api", always, "revision", "", fault{Status: 200, Body: "<html>Log in to the WLAN</html>"}, ErrNotHub, "JSON"},
		{"captive portal redirects", always, "revision", "", fault{Status: 302, Header: map[string]string{"Location": "http://portal.invalid/login?secret"}}, ErrNotHub, "portal.invalid"},
		{"captive portal on resolve", always, "resolve", "config", fault{Status: 200, Body: "<html>Log in</html>"}, ErrNotHub, "X-Repo-Commit"},
		{"no X-Repo-Commit", always, "resolve", "big", fault{NoCommit: true}, ErrNotHub, "X-Repo-Commit"},
		{"other commit", always, "cached", "config", fault{Header: map[string]string{"X-Repo-Commit": strings.Repeat("a", 40)}, NoCommit: true}, ErrNotHub, "is of commit"},
		{"redirect loop", always, "resolve", "config", fault{Status: 302, Header: map[string]string{"Location": "?again"}}, ErrRemote, "redirects"},
		{"redirect with a user", always, "resolve", "big", fault{Status: 302, Header: map[string]string{"Location": "http://me:pw@127.0.0.1/"}}, ErrRemote, "user name"},
		{"redirect to no web page", always, "resolve", "big", fault{Status: 302, Header: map[string]string{"Location": "file:///etc/passwd"}}, ErrRemote, "no web page"},
		{"listing goes on elsewhere", always, "tree", "", fault{Header: map[string]string{"Link": `<http://portal.invalid/x>; rel="next"`}}, ErrNotHub, "another origin"},
		{"listing that never ends", always, "tree", "", fault{Header: map[string]string{"Link": `<?cursor=0>; rel="next"`}}, ErrHostilePath, "pages"},
		{"cut off JSON", 1, "tree", "", fault{Status: 200, Body: `[{"type":"file","pa`}, nil, ""},
		{"file vanished", always, "resolve", "config", fault{Status: 404, Header: map[string]string{"X-Error-Code": "EntryNotFound"}}, ErrNotFound, "EntryNotFound"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.hub.Inject(tt.times, tt.kind, tt.path, tt.fault)
			p, err := w.pull()
			switch {
			case tt.want == nil && err != nil:
				t.Fatal(err)
			case tt.want == nil:
				w.compare(p.Path, w.files)
			case !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says):
				t.Fatalf("error %v, want %v saying %q", err, tt.want, tt.says)
			}
			used := false
			for _, r := range w.hub.Records() {
				used = used || r.Kind() == tt.kind && strings.Contains(r.Path, tt.path)
			}
			if !used {
				t.Fatal("the fault was never asked for")
			}
			w.checkNames()
			w.hub.Heal()
			w.mustPull()
			w.checkNames()
			if o := w.orphans(); len(o) > 0 {
				t.Errorf("orphans: %q", o)
			}
		})
	}
}

// TestExpiryInTheMiddle lets all signed URLs expire while a file is on its way.
func TestExpiryInTheMiddle(t *testing.T) {
	w := newWorld(t)
	w.o.Jobs = 1
	w.hub.Inject(1, "cdn", "big", hubtest.Fault{})
	w.hub.Inject(1, "cdn", "big", hubtest.Fault{})
	w.hub.Inject(1, "cdn", "big", hubtest.Fault{Do: w.hub.ExpireURLs})
	w.mustPull()
	signed := 0
	for _, r := range w.hub.Records() {
		if r.Kind() == "resolve" && r.Method == "HEAD" && strings.Contains(r.Path, "big") {
			signed++
		}
	}
	if signed != 2 {
		t.Errorf("URL was signed %d times, want 2", signed)
	}
}

// TestBranchMoves moves main between the listing and the files.
func TestBranchMoves(t *testing.T) {
	w := newWorld(t)
	w.hub.Inject(1, "tree", "", hubtest.Fault{Do: func() {
		w.repo.Commit("main", map[string]hubtest.File{"config.json": hubtest.Text("new")})
	}})
	first := w.mustPull()
	w.files = map[string]hubtest.File{"config.json": hubtest.Text("new")}
	if second := w.mustPull(); second.Commit == first.Commit {
		t.Error("the second pull did not see the branch move")
	}
}

// TestOtherDigest lets the Hub announce something else than it listed.
func TestOtherDigest(t *testing.T) {
	for header, value := range map[string]string{"X-Linked-ETag": `"` + strings.Repeat("0", 64) + `"`, "X-Linked-Size": "7"} {
		t.Run(header, func(t *testing.T) {
			w := newWorld(t)
			commit := w.repo.Commit("main", w.files)
			w.hub.Inject(-1, "resolve", "big", hubtest.Fault{Status: 302, Header: map[string]string{
				"X-Repo-Commit": commit, "Location": w.hub.CDN + "/x", header: value,
			}})
			if _, err := w.pull(); !errors.Is(err, ErrDigest) || !strings.Contains(err.Error(), "announces") {
				t.Fatal(err)
			}
			w.checkNames()
		})
	}
}
