package store

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// directFrom is the size from which on a file is written past the page
	// cache.
	directFrom = 16 * BlockSize
	// directAlign is what offsets and lengths of direct I/O are multiples of:
	// the largest sector in use.
	directAlign = 4096
	// directWriters is how many blocks the disk is given at a time.
	directWriters = 4
	// writebackEvery is after how many bytes in the page cache the disk is set
	// to work.
	writebackEvery = 8 * BlockSize
)

// newWriter chooses how an empty file of size bytes is written. Large files go
// past the page cache on ext4 and XFS, where that is plain disk writing: it
// spares a copy of every byte, which costs as much as hashing it, and does not
// push out of memory what other programs use. Their space is taken first, so
// that a full disk or quota shows before the first byte.
func newWriter(f *os.File, size int64) (writer, error) {
	fs := fileSystem(f)
	if size < directFrom || fs != unix.EXT4_SUPER_MAGIC && fs != unix.XFS_SUPER_MAGIC {
		return newBuffered(f), nil
	}
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return nil, err
	case err != nil || setDirect(f, true) != nil:
		return newBuffered(f), nil
	}
	return newDirect(f), nil
}

// newBuffered does not let the kernel put off all work of the disk until the
// sync at the end.
func newBuffered(f *os.File) buffered {
	var started int64
	return buffered{f, func(done int64) {
		if done-started >= writebackEvery {
			// Only advice: what it fails to write, the sync does.
			_ = unix.SyncFileRange(int(f.Fd()), started, done-started, unix.SYNC_FILE_RANGE_WRITE)
			started = done
		}
	}}
}

func setDirect(f *os.File, on bool) error {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if flags &^= unix.O_DIRECT; on {
		flags |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags)
	return err
}

// direct writes past the page cache, several blocks at a time. The last part
// of a file, which need not be a whole number of sectors, goes through it.
type direct struct {
	f    *os.File
	todo chan part
	wg   sync.WaitGroup
	last *part

	mu  sync.Mutex
	err error // the first
}

type part struct {
	data   []byte
	offset int64
	done   func()
}

func newDirect(f *os.File) *direct {
	w := &direct{f: f, todo: make(chan part)}
	for range directWriters {
		w.wg.Go(func() {
			for p := range w.todo {
				w.put(p)
			}
		})
	}
	return w
}

func (w *direct) put(p part) {
	defer p.done()
	if _, err := w.f.WriteAt(p.data, p.offset); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = errors.Join(w.err, err)
	}
}

func (w *direct) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *direct) write(d []byte, offset int64, done func()) error {
	p := part{d, offset, done}
	if len(d)%directAlign != 0 {
		w.last = &p
		return nil
	}
	w.todo <- p
	return w.failed()
}

func (w *direct) finish() error {
	close(w.todo)
	w.wg.Wait()
	if err := setDirect(w.f, false); err != nil && w.err == nil {
		w.err = err
	}
	if w.last != nil {
		w.put(*w.last)
	}
	return w.err
}
