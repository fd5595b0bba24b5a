package hfhub

import (
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/hubtest"
)

// TestWholeTwice: a server without ranges sends the file again, and other bytes
// than before for what has been hashed meanwhile. They must not get into a file
// whose digest is then right by the bytes of before.
func TestWholeTwice(t *testing.T) {
	w := newWorld(t)
	w.o.Jobs = 1
	hashed := func() { time.Sleep(100 * time.Millisecond) }
	w.hub.Inject(1, "cdn", "big", hubtest.Fault{IgnoreRange: true})
	w.hub.Inject(1, "cdn", "big", hubtest.Fault{IgnoreRange: true, Cut: true, After: 3*testBlock + 100})
	w.hub.Inject(1, "cdn", "big", hubtest.Fault{IgnoreRange: true, Flip: true, FlipAt: 3, Do: hashed})
	w.hub.Inject(-1, "cdn", "big", hubtest.Fault{IgnoreRange: true})
	w.mustPull()
	w.checkNames()
}

// TestWriteAt: only what belongs to blocks that are not done is written.
func TestWriteAt(t *testing.T) {
	w := newWorld(t)
	c := w.cache()
	src := Source{File: File{SHA256: "E", Size: 10}}
	p, err := openPartial(t.Context(), place{c.root, "l", "p", "j"}, src, "", 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.WriteAt([]byte("0123456789"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := p.finish(1); err != nil {
		t.Fatal(err)
	}
	if n, err := p.WriteAt([]byte("abcdefgh"), 1); n != 8 || err != nil {
		t.Fatal(n, err)
	}
	got := make([]byte, 10)
	if _, err := p.f.ReadAt(got, 0); err != nil || string(got) != "0abc4567h9" {
		t.Errorf("%q, %v", got, err)
	}
}
