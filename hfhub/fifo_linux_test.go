package hfhub

import (
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFIFO: a FIFO in the place of a file is no file, and nobody waits for it.
func TestFIFO(t *testing.T) {
	w := newWorld(t)
	w.mustPull()
	c := w.cache()
	if err := unix.Mkfifo(filepath.Join(w.dir, refOf(testRepo, "v1")), 0o600); err != nil {
		t.Skip("there are no FIFOs: ", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if list, err := c.List(); err != nil || len(list) != 1 || len(list[0].Refs) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the listing waits for somebody to write into the FIFO")
	}
}
