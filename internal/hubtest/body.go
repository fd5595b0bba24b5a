package hubtest

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// serveBody sends a file or a range of it, with the fault.
func (h *Hub) serveBody(w *recorder, r *http.Request, b *blob, f Fault) {
	c := b.Content
	if f.Replace != nil {
		c = f.Replace
	}
	if f.Flip {
		c = flipped{c, f.FlipAt}
	}
	from, to, status := span(r.Header.Get("Range"), c.Size())
	if f.IgnoreRange {
		from, to, status = 0, c.Size(), http.StatusOK
	}
	head := w.Header()
	if status == http.StatusRequestedRangeNotSatisfiable {
		head.Set("Content-Range", fmt.Sprintf("bytes */%d", c.Size()))
		http.Error(w, "range not satisfiable", status)
		return
	}
	if f.WrongRange && status == http.StatusPartialContent {
		from++
		to = min(to+1, c.Size())
	}
	if status == http.StatusPartialContent {
		head.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, c.Size()))
	}
	length := to - from
	switch {
	case f.Short:
		length = min(length, f.After)
	case f.Long:
		length += 10
	}
	head.Set("Content-Type", "application/octet-stream")
	if f.Chunked {
		head.Set("Transfer-Encoding", "chunked")
	} else {
		head.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	h.sendBody(w, r, io.NewSectionReader(c, from, to-from), f)
}

// sendBody writes the bytes and breaks off where the fault says.
func (h *Hub) sendBody(w *recorder, r *http.Request, body io.Reader, f Fault) {
	limit := int64(math.MaxInt64)
	if f.Cut || f.Reset || f.Stall || f.Short {
		limit = f.After
	}
	if f.Long {
		body = io.MultiReader(body, strings.NewReader("0123456789"))
	}
	buf := make([]byte, 256<<10)
	// The copy hides WriterTo and ReaderFrom, which would bypass the record.
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.LimitReader(body, limit)}, buf)
	if err != nil {
		return // the client went away
	}
	if f.Cut || f.Reset || f.Stall {
		if err := http.NewResponseController(w).Flush(); errors.Is(err, http.ErrNotSupported) {
			panic(err)
		}
		h.breakOff(w, r, f)
	}
}

// span reads a Range header with one range, as bytes from ≤ x < to.
func span(header string, size int64) (from, to int64, status int) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return 0, size, http.StatusOK
	}
	a, b, _ := strings.Cut(spec, "-")
	from, err := strconv.ParseInt(a, 10, 64)
	if err != nil {
		return 0, size, http.StatusOK
	}
	to = size
	if b != "" {
		if to, err = strconv.ParseInt(b, 10, 64); err != nil {
			return 0, size, http.StatusOK
		}
		to = min(to+1, size)
	}
	if from >= size || from >= to {
		return 0, 0, http.StatusRequestedRangeNotSatisfiable
	}
	return from, to, http.StatusPartialContent
}
