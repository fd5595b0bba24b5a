// Package hubtest is a model hub in one process: the part of the Hugging Face
// Hub that a download needs, on two loopback origins (the Hub and its CDN),
// with faults on demand and a record of every request.
//
// Start with [New], add a repository with [Hub.Repo], give it files with
// [Repo.Commit], and point a client at [Hub.URL]. [Hub.Inject] breaks answers.
package hubtest

import (
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Hub is a running fake. Its methods may be called while it serves.
type Hub struct {
	URL string // origin of the Hub, "http://127.0.0.1:port"
	CDN string // origin of the CDN: another port

	servers []*http.Server
	done    chan struct{} // closed by Close; ends stalled answers
	secret  string        // part of every signed URL

	mu       sync.Mutex
	repos    map[string]*Repo  // by type and id: "models/ns/name"
	tokens   map[string]string // token → account
	expired  map[string]bool   // signatures that count no more
	serial   int               // of the last signature
	pageSize int               // tree entries a page
	rules    []*rule
	records  []Record
}

// New starts a Hub on loopback. The caller closes it.
func New() (*Hub, error) {
	h := &Hub{
		done:     make(chan struct{}),
		secret:   rand.Text(),
		repos:    map[string]*Repo{},
		tokens:   map[string]string{},
		expired:  map[string]bool{},
		pageSize: 1000,
	}
	for _, s := range []struct {
		origin *string
		serve  http.HandlerFunc
	}{{&h.URL, h.serveHub}, {&h.CDN, h.serveCDN}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, h.Close())
		}
		*s.origin = "http://" + l.Addr().String()
		srv := &http.Server{Handler: s.serve, ReadHeaderTimeout: 10 * time.Second}
		h.servers = append(h.servers, srv)
		go func() { _ = srv.Serve(l) }()
	}
	return h, nil
}

// Close stops both servers and ends every answer under way.
func (h *Hub) Close() error {
	close(h.done)
	var errs []error
	for _, s := range h.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// AddToken makes token valid, for the account called name.
func (h *Hub) AddToken(token, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens[token] = name
}

// SetPageSize sets how many entries a page of a tree holds; the default is 1000.
func (h *Hub) SetPageSize(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pageSize = n
}

// ExpireURLs makes every URL signed so far answer 403.
func (h *Hub) ExpireURLs() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.serial {
		h.expired[signature(i+1)] = true
	}
}

// Secret is a part of every signed URL, for tests that look for leaks.
func (h *Hub) Secret() string { return h.secret }

// account tells whose token a request carries. known is false for a token
// that nobody has.
func (h *Hub) account(r *http.Request) (name string, known bool) {
	auth := r.Header.Get("Authorization")
	if auth == "" {
		return "", true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	name, known = h.tokens[strings.TrimPrefix(auth, "Bearer ")]
	return name, known
}
