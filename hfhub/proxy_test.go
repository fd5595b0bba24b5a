package hfhub

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestProxyFails: what a proxy refuses is asked once, is no reason to be content
// with the cache, and its password stays where it is.
func TestProxyFails(t *testing.T) {
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		rw.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer srv.Close()
	address, err := url.Parse(strings.Replace(srv.URL, "http://", "http://me:s3cret@", 1))
	if err != nil {
		t.Fatal(err)
	}
	noHost := strings.Replace(srv.URL, "http://", "http://me:s3cret@no host", 1)
	down := *address
	down.Host = "127.0.0.1:1"
	tests := []struct {
		name  string
		proxy func(*http.Request) (*url.URL, error)
		asked int64
		says  string
	}{
		{"refuses", http.ProxyURL(address), 1, "407"},
		{"is down", http.ProxyURL(&down), 0, "127.0.0.1:1"},
		{"has no address", func(*http.Request) (*url.URL, error) { return url.Parse(noHost) }, 0, "address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.mustPull() // so that there is a complete snapshot
			asked.Store(0)
			w.o.Endpoint, w.o.Proxy = "https://hub.invalid", tt.proxy
			_, err := w.pull()
			if !errors.Is(err, ErrProxy) || !errors.Is(err, ErrRemote) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v", err)
			}
			if n := asked.Load(); n != tt.asked {
				t.Errorf("asked %d times", n)
			}
			if strings.Contains(w.said.String(), "s3cret") {
				t.Errorf("the password was shown:\n%s", w.said.String())
			}
		})
	}
}
