// Package directio writes large files without the detour by the page cache.
// Call [New] for an empty file, [Writer.Write] for its parts in order, with
// buffers from [Buffer], and [Writer.Finish] at the end, also after an error.
//
// A file that goes through the page cache costs a copy of every byte and a
// fresh page for each 4 KiB, as much time as hashing it, and pushes out of
// memory what other programs use. So on ext4 and XFS, where direct I/O is plain
// disk writing, large files go past it. Elsewhere the same calls write as usual,
// and set the disk to work early.
package directio

import (
	"errors"
	"os"
	"sync"
	"unsafe"
)

// Align is what offset and length of a part must be multiples of, the last
// part's length excepted: the largest sector in use.
const Align = 4096

const (
	// directFrom is the size from which on a file is written past the page
	// cache.
	directFrom = 16 << 20
	// atOnce is how many parts the disk is given at a time. In the page cache
	// it is one: more would wait for each other's lock on the file.
	atOnce = 4
	// writebackEvery is after how many bytes in the page cache the disk is set
	// to work.
	writebackEvery = 8 << 20
)

// Writer writes one file. Its methods are for one goroutine.
type Writer struct {
	f      *os.File
	direct bool
	todo   chan part
	wg     sync.WaitGroup
	last   *part // of a length that direct I/O cannot have

	mu      sync.Mutex
	err     error // of all writes that failed
	started int64 // the disk was set to work up to there
}

type part struct {
	data   []byte
	offset int64
	done   func()
}

// New chooses how an empty file of size bytes is written. Where it goes past
// the page cache its space is taken first, so that a full disk or quota shows
// before the first byte.
func New(f *os.File, size int64) (*Writer, error) {
	w := &Writer{f: f, todo: make(chan part)}
	writers := 1
	if size >= directFrom {
		var err error
		if w.direct, err = begin(f, size); err != nil {
			return nil, err
		}
	}
	if w.direct {
		writers = atOnce
	}
	for range writers {
		w.wg.Go(func() {
			for p := range w.todo {
				w.put(p)
			}
		})
	}
	return w, nil
}

// Buffer makes a buffer of n bytes that parts can be in: it begins at a page.
func Buffer(n int) []byte {
	b := make([]byte, n+Align)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (Align - 1) //nolint:gosec // only its last bits
	return b[skip : skip+n : skip+n]
}

// Write has a part written, which it may keep until it calls done. It does that
// once, from any goroutine, also after an error, and for the last part perhaps
// only in Finish. The error is one of this part or of an earlier one.
func (w *Writer) Write(d []byte, offset int64, done func()) error {
	p := part{d, offset, done}
	if w.direct && len(d)%Align != 0 {
		w.last = &p
		return w.failed()
	}
	w.todo <- p
	return w.failed()
}

// Finish waits for all writes and gives their errors, again those that Write
// has given. It does not sync the file, which is as it was for other use.
func (w *Writer) Finish() error {
	close(w.todo)
	w.wg.Wait()
	if w.direct {
		if err := setDirect(w.f, false); err != nil {
			w.err = errors.Join(w.err, err)
		}
	}
	if w.last != nil {
		w.put(*w.last)
	}
	return w.err
}

func (w *Writer) put(p part) {
	defer p.done()
	_, err := w.f.WriteAt(p.data, p.offset)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	if end := p.offset + int64(len(p.data)); !w.direct && end-w.started >= writebackEvery {
		writeBack(w.f, w.started, end-w.started)
		w.started = end
	}
}

func (w *Writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}
