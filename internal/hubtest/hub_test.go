package hubtest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRandomIsConsistent(t *testing.T) {
	c := Random(7, 100_003)
	whole, err := io.ReadAll(reader(c))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(io.NewSectionReader(c, 0, c.Size()), whole); err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 1001)
	if _, err := c.ReadAt(part, 12_345); err != nil || string(part) != string(whole[12_345:13_346]) {
		t.Fatalf("bytes depend on where reading starts (%v)", err)
	}
}

func TestSpan(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		from, to     int64
		status       int
	}{
		{"none", "", 0, 10, 200},
		{"inside", "bytes=2-4", 2, 5, 206},
		{"open", "bytes=4-", 4, 10, 206},
		{"cut at the end", "bytes=4-99", 4, 10, 206},
		{"behind the end", "bytes=10-", 0, 0, 416},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, to, status := span(tt.header, 10)
			if from != tt.from || to != tt.to || status != tt.status {
				t.Errorf("got %d..%d status %d", from, to, status)
			}
		})
	}
}

// TestLFSGoesToTheCDN walks the hops of a file by hand.
func TestLFSGoesToTheCDN(t *testing.T) {
	h, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	commit := h.Repo("models", "ns/m").Commit("main", map[string]File{"w.bin": LFS(Bytes("weights"))})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(url string) (int, http.Header, string) {
		t.Helper()
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header, string(body)
	}
	status, head, _ := get(h.URL + "/ns/m/resolve/main/w.bin")
	signed := head.Get("Location")
	if status != 302 || head.Get("X-Repo-Commit") != commit || !strings.HasPrefix(signed, h.CDN) {
		t.Fatalf("status %d, headers %v", status, head)
	}
	if status, _, body := get(signed); status != 200 || body != "weights" {
		t.Fatalf("CDN: status %d, %q", status, body)
	}
	h.ExpireURLs()
	if status, _, _ := get(signed); status != 403 {
		t.Fatalf("expired URL: status %d", status)
	}
	if h.Count("resolve") != 1 || h.Count("cdn") != 2 || h.Sent() < int64(len("weights")) {
		t.Fatalf("records: %+v", h.Records())
	}
}
