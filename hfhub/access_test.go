package hfhub

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/hubtest"
)

// TestAccess tells apart why a repository cannot be had.
func TestAccess(t *testing.T) {
	tests := []struct {
		name  string
		token string
		repo  func(*hubtest.Repo)
		rev   string
		want  error
		says  string
	}{
		{"public, no token", "", func(*hubtest.Repo) {}, "main", nil, ""},
		{"private, no token", "", func(r *hubtest.Repo) { r.Private = true }, "main", ErrAuth, "private or missing"},
		{"private, token", testToken, func(r *hubtest.Repo) { r.Private = true }, "main", nil, ""},
		{"bad token", "hf_bad", func(*hubtest.Repo) {}, "main", ErrAuth, "Invalid credentials"},
		{"gated, no token", "", func(r *hubtest.Repo) { r.Gated = "auto" }, "main", ErrGated, "accept its terms"},
		{"gated, not a member", testToken, func(r *hubtest.Repo) { r.Gated = "manual" }, "main", ErrGated, "accept its terms"},
		{"gated, member", testToken, func(r *hubtest.Repo) { r.Gated = "auto"; r.Members = []string{"me"} }, "main", nil, ""},
		{"disabled", testToken, func(r *hubtest.Repo) { r.Disabled = true }, "main", ErrDisabled, "disabled"},
		{"lacking permission", testToken, func(r *hubtest.Repo) { r.Forbidden = true }, "main", ErrAuth, "permission"},
		{"no such revision", testToken, func(*hubtest.Repo) {}, "v9", ErrNotFound, "RevisionNotFound"},
		{"no such commit", testToken, func(*hubtest.Repo) {}, strings.Repeat("1", 40), ErrNotFound, "RevisionNotFound"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.repo(w.repo)
			w.o.Token = tt.token
			_, err := w.pull(tt.rev)
			if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v, want %v saying %q", err, tt.want, tt.says)
			}
		})
	}
	for name, token := range map[string]string{"missing, no token": "", "missing, token": testToken} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.o.Token = token
			want := map[string]error{"": ErrAuth, testToken: ErrNotFound}[token]
			_, err := w.client().Resolve(context.Background(), Repo{Model, "ns/other"}, "main")
			if !errors.Is(err, want) {
				t.Fatalf("error %v, want %v", err, want)
			}
		})
	}
}

// TestRenamed follows a repository to its new name, on the same origin, with
// the token.
func TestRenamed(t *testing.T) {
	w := newWorld(t)
	w.repo.RenamedTo = "ns/renamed"
	moved := w.hub.Repo("models", "ns/renamed")
	moved.Private = true
	moved.Commit("main", w.files)
	p := w.mustPull()
	if p.Renamed != "ns/renamed" {
		t.Errorf("renamed to %q", p.Renamed)
	}
}

// TestTypesAndRevisions pulls from all types of repositories and by all kinds
// of revisions.
func TestTypesAndRevisions(t *testing.T) {
	for typ, plural := range map[RepoType]string{Model: "models", Dataset: "datasets", Space: "spaces"} {
		for _, rev := range []string{"main", "v1.0", "dev/x", "refs/pr/1", "refs/convert/parquet"} {
			t.Run(string(typ)+" "+rev, func(t *testing.T) {
				w := newWorld(t)
				repo := Repo{typ, "ns/other"}
				commit := w.hub.Repo(plural, repo.ID).Commit(rev, w.files)
				c := w.cache()
				p, err := w.client().Pull(context.Background(), c, Request{Repo: repo, Revision: rev}, nopSink{})
				if err != nil {
					t.Fatal(err)
				}
				w.compare(p.Path, w.files)
				if got, _ := c.Commit(repo, rev); got != commit {
					t.Errorf("ref is %q, want %q", got, commit)
				}
			})
		}
	}
}

// TestPages lists a repository over several pages.
func TestPages(t *testing.T) {
	w := newWorld(t)
	w.hub.SetPageSize(2)
	w.mustPull()
	if n := w.hub.Count("tree"); n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
}

// TestHostilePaths refuses a whole repository for one bad name, before a byte
// is written.
func TestHostilePaths(t *testing.T) {
	for _, p := range []string{
		"../up", "a/../../up", `a\..\up`, "/etc/passwd", `\share`, "C:/x", `a/C:x`, "a//b", "a/./b", "a/", "",
		"nul\x00", "tab\t", "esc\x1b[31m", ".bitnet-tool/x", ".BitNet-Tool", strings.Repeat("x", 256), "config.json/x",
	} {
		t.Run(p, func(t *testing.T) {
			w := newWorld(t)
			w.files[p] = hubtest.Text("x")
			w.repo.Commit("main", w.files)
			if _, err := w.pull(); !errors.Is(err, ErrHostilePath) {
				t.Fatalf("error %v", err)
			}
			if n := w.hub.Count("resolve"); n != 0 {
				t.Errorf("%d files were asked for", n)
			}
		})
	}
}

// scripted answers requests by a function.
type scripted func(*http.Request) *http.Response

func (s scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := s(r)
	resp.Request = r
	if resp.Body == nil {
		resp.Body = io.NopCloser(strings.NewReader(""))
	}
	return resp, nil
}

// TestTokenStaysAtItsOrigin looks at the requests themselves, for origins that
// a loopback server cannot play.
func TestTokenStaysAtItsOrigin(t *testing.T) {
	tests := []struct {
		name, location string
		leave          bool
		want           error
		token          bool // at the second hop
	}{
		{"same origin", "https://hub.test/x", true, nil, true},
		{"same origin, port spelled out", "https://hub.test:443/x", true, nil, true},
		{"other port", "https://hub.test:8443/x", true, nil, false},
		{"subdomain", "https://cdn.hub.test/x", true, nil, false},
		{"suffix", "https://hub.test.evil/x", true, nil, false},
		{"unencrypted", "http://hub.test/x", true, ErrRemote, false},
		{"api call that leaves", "https://cdn.hub.test/x", false, ErrNotHub, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var hops []*http.Request
			c, err := New(Options{Endpoint: "https://hub.test", Token: testToken, Transport: scripted(func(r *http.Request) *http.Response {
				hops = append(hops, r)
				if len(hops) == 1 {
					return &http.Response{StatusCode: 302, Header: http.Header{"Location": {tt.location}}}
				}
				return &http.Response{StatusCode: 200, Header: http.Header{}}
			})})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.send(context.Background(), request{method: "GET", url: "https://hub.test/a", idle: 1e9, leave: tt.leave})
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if hops[0].Header.Get("Authorization") != "Bearer "+testToken {
				t.Error("no token at the first hop")
			}
			if tt.want != nil && len(hops) > 1 {
				t.Fatal("the redirect was followed")
			}
			if tt.want == nil && (hops[1].Header.Get("Authorization") != "") != tt.token {
				t.Errorf("token at the second hop: %v", !tt.token)
			}
		})
	}
}

// TestTokenDoesNotComeBack: a CDN must not be able to send us to the Hub with
// our token.
func TestTokenDoesNotComeBack(t *testing.T) {
	var tokens []string
	next := []string{"https://cdn.test/x", "https://hub.test/api/delete"}
	c, err := New(Options{Endpoint: "https://hub.test", Token: testToken, Transport: scripted(func(r *http.Request) *http.Response {
		tokens = append(tokens, r.Header.Get("Authorization"))
		if i := len(tokens) - 1; i < len(next) {
			return &http.Response{StatusCode: 307, Header: http.Header{"Location": {next[i]}}}
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}}
	})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.send(context.Background(), request{method: "GET", url: "https://hub.test/a", idle: 1e9, leave: true}); err != nil {
		t.Fatal(err)
	}
	if len(tokens) != 3 || tokens[0] == "" || tokens[1] != "" || tokens[2] != "" {
		t.Errorf("tokens at the hops: %q", tokens)
	}
}

// TestTokenNeedsEncryption: plain http gets none, except on this machine.
func TestTokenNeedsEncryption(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://mirror.test": "", "http://127.0.0.1:80": testToken, "http://[::1]:8": testToken,
		"http://localhost:1": testToken, "https://mirror.test": testToken,
	} {
		c, err := New(Options{Endpoint: endpoint, Token: testToken})
		if err != nil || c.token != want {
			t.Errorf("%s: token %q, %v", endpoint, c.token, err)
		}
	}
}
