package hubtest

import (
	"net/http"
	"strings"
	"time"
)

// Record is one request that came in, and what was answered.
type Record struct {
	Server string // "hub" or "cdn"
	Method string
	Path   string // escaped, without the query
	Query  string
	Header http.Header
	Time   time.Time
	Status int
	Sent   int64 // bytes of the body handed to the connection
}

// Kind tells what a request to the Hub is for: "revision", "tree", "resolve",
// "cached" (the second hop of a regular file) or "api". CDN requests are "cdn".
func (r Record) Kind() string {
	switch {
	case r.Server == "cdn":
		return "cdn"
	case strings.HasPrefix(r.Path, "/api/resolve-cache/"):
		return "cached"
	case strings.Contains(r.Path, "/resolve/"):
		return "resolve"
	case strings.Contains(r.Path, "/tree/"):
		return "tree"
	case strings.Contains(r.Path, "/revision/"):
		return "revision"
	}
	return "api"
}

// Records returns what happened so far.
func (h *Hub) Records() []Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Record(nil), h.records...)
}

// Count gives the number of requests of a kind so far.
func (h *Hub) Count(kind string) int {
	n := 0
	for _, r := range h.Records() {
		if r.Kind() == kind {
			n++
		}
	}
	return n
}

// Sent gives the bytes of file content served so far.
func (h *Hub) Sent() int64 {
	var n int64
	for _, r := range h.Records() {
		if r.Kind() == "cdn" || r.Kind() == "cached" {
			n += r.Sent
		}
	}
	return n
}

// Forget drops the records.
func (h *Hub) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = nil
}

// recorder counts what is written in answer to one request.
type recorder struct {
	http.ResponseWriter
	rec Record
}

func newRecorder(w http.ResponseWriter, r *http.Request, server string) *recorder {
	return &recorder{w, Record{
		Server: server, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Header: r.Header.Clone(), Time: time.Now(),
	}}
}

func (w *recorder) WriteHeader(status int) {
	w.rec.Status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.rec.Status == 0 {
		w.rec.Status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.rec.Sent += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (h *Hub) record(w *recorder) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, w.rec)
}
