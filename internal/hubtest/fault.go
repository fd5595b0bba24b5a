package hubtest

import (
	"errors"
	"net"
	"net/http"
	"strings"
)

// Fault is what to do wrong in answer to one request. The fields combine where
// that makes sense; the zero Fault is a right answer.
type Fault struct {
	// In place of the answer, when Status is not 0.
	Status int
	Header map[string]string // also added to a right answer
	Body   string

	// In place of or in the middle of a body, after After bytes of it.
	Cut   bool // close the connection
	Reset bool // close it with a TCP reset
	Stall bool // send nothing more, until the client goes away
	Short bool // announce only After bytes, and end cleanly
	Long  bool // more bytes than the file has
	After int64

	IgnoreRange bool    // 200 and the whole file
	WrongRange  bool    // a 206 that starts one byte later
	Chunked     bool    // no Content-Length
	WeakETag    bool    // W/"…"
	NoCommit    bool    // no X-Repo-Commit, as from a captive portal
	Flip        bool    // one bit of byte FlipAt of the file is wrong
	FlipAt      int64   //
	Replace     Content // other content, of the same size
	Do          func()  // called first
}

// rule injects a fault into some requests.
type rule struct {
	kind  string
	path  string
	left  int
	fault Fault
}

// Inject gives the next times requests of a kind (see [Record.Kind]) whose
// path contains part the fault; times < 0 is all of them. On the CDN the path
// of a file ends in its repository path. The rules are asked in the order they
// came, and the first that applies is used up.
func (h *Hub) Inject(times int, kind, part string, f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules = append(h.rules, &rule{kind, part, times, f})
}

// Heal removes all faults.
func (h *Hub) Heal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules = nil
}

// faultFor finds the fault of a request and runs its Do.
func (h *Hub) faultFor(rec Record) Fault {
	f := h.take(rec)
	if f.Do != nil {
		f.Do()
	}
	return f
}

func (h *Hub) take(rec Record) Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rules {
		if r.left != 0 && r.kind == rec.Kind() && strings.Contains(rec.Path, r.path) {
			r.left--
			return r.fault
		}
	}
	return Fault{}
}

// early answers in place of the right handler if the fault says so.
func (h *Hub) early(w *recorder, r *http.Request, f Fault) bool {
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	switch {
	case f.Status != 0:
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
		return true
	case w.rec.Kind() == "cdn" || w.rec.Kind() == "cached":
		return false // the body is broken while it is sent
	case f.Cut || f.Reset || f.Stall:
		h.breakOff(w, r, f)
		return true
	}
	return false
}

// breakOff ends an answer as the fault says.
func (h *Hub) breakOff(w http.ResponseWriter, r *http.Request, f Fault) {
	rc := http.NewResponseController(w)
	if f.Stall {
		select {
		case <-h.done:
		case <-r.Context().Done():
		}
		return
	}
	conn, _, err := rc.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && f.Reset {
		err = tcp.SetLinger(0) // close sends RST
	}
	_ = errors.Join(err, conn.Close())
}
