package convert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// within fails a test that hangs.
func within(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(3 * time.Minute):
		panic("everybody waits for somebody else")
	}
}

// TestSlabs: pieces of all lengths, also of several slabs and of more than the
// window, by several workers, leave in order and whole.
func TestSlabs(t *testing.T) {
	const most = slabBytes * (slabCount + 2)
	content := make([]byte, 2*most)
	rand.NewChaCha8([32]byte{1}).Read(content)
	for _, tc := range []struct {
		size    int
		lengths []int // of pieces, in turn
	}{
		{0, nil},
		{1, []int{1}},
		{slabBytes, []int{slabBytes}},
		{3*slabBytes + 5, []int{1000, 3, slabBytes/2 + 1, 0, 77}},
		{len(content), []int{slabBytes}},
		{len(content), []int{slabBytes - 1, 2*slabBytes + 3, slabBytes / 3}},
		{len(content), []int{5 * slabBytes, 100}},
		{len(content), []int{most, 1}},
		{len(content) - 1, []int{len(content) - 1}},
	} {
		t.Run(fmt.Sprint(tc.size, tc.lengths), func(t *testing.T) {
			var from, to []int
			for at := 0; at < tc.size; {
				n := min(tc.lengths[len(from)%len(tc.lengths)], tc.size-at)
				from, to, at = append(from, at), append(to, at+n), at+n
			}
			s := newSlabs(int64(tc.size))
			go func() {
				err := par.For(5, len(from), 1, func(_, i, _ int) error {
					_, err := s.WriteAt(content[from[i]:to[i]], int64(from[i]))
					return err
				})
				if err == nil {
					err = s.complete()
				}
				if err != nil {
					t.Error(err)
					s.stop(err)
				}
			}()
			at := 0
			err := within(t, func() error {
				for k := range s.count {
					b, off, err := s.full(k)
					if err != nil {
						return err
					}
					if int(off) != at || !bytes.Equal(b, content[at:at+len(b)]) {
						t.Errorf("slab %d: %d bytes at %d, want others at %d", k, len(b), off, at)
					}
					at += len(b)
					go s.release(k)
					s.release(k)
				}
				return nil
			})
			if err != nil || at != tc.size {
				t.Errorf("%d bytes of %d, %v", at, tc.size, err)
			}
		})
	}
}

// TestSlabsStop: whoever waits gets the error.
func TestSlabsStop(t *testing.T) {
	bad := errors.New("bad")
	s := newSlabs(2 * slabCount * slabBytes)
	got := make(chan error, 2)
	go func() {
		_, err := s.WriteAt([]byte{1}, slabCount*slabBytes)
		got <- err
	}()
	go func() {
		_, _, err := s.full(0)
		got <- err
	}()
	s.stop(bad)
	s.stop(nil)
	for range 2 {
		if err := within(t, func() error { return <-got }); !errors.Is(err, bad) {
			t.Errorf("error %v", err)
		}
	}
	if err := s.complete(); err == nil {
		t.Error("a file of which nothing was written is complete")
	}
	for _, off := range []int64{-1, 2*slabCount*slabBytes - 1} {
		if _, err := newSlabs(2*slabCount*slabBytes).WriteAt([]byte{1, 2}, off); err == nil {
			t.Errorf("two bytes at offset %d", off)
		}
	}
}

// planned is a layout of two tensors of zeros with padding, of some size.
func planned(t *testing.T, weights int64) *gguf.Layout {
	t.Helper()
	m := &gguf.Meta{}
	m.Set("general.architecture", "odd")
	l, err := gguf.NewLayout(m, []gguf.TensorInfo{
		{Name: "a", Dims: []int64{weights}, Type: quant.F32},
		{Name: "b", Dims: []int64{3}, Type: quant.F32},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// written has a layout written by a function, to a file that is not committed.
func written(ctx context.Context, t *testing.T, l *gguf.Layout, write func(o *output, i int) error) (name, digest string, err error) {
	t.Helper()
	f, err := atomicfile.Create(filepath.Join(t.TempDir(), "file"), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Abort)
	err = within(t, func() error {
		digest, err = writeTensors(ctx, f, l, progress.Discard.Start("", 0), 3, len(l.Tensors), func(_ context.Context, o *output, _, i int) error {
			return write(o, i)
		})
		return err
	})
	return f.Name(), digest, err
}

// tensor writes tensor i, and what comes after it.
func tensor(o *output, i int) error {
	b := bytes.Repeat([]byte{byte(i + 1)}, int(o.layout.Tensors[i].Size))
	if _, err := o.layout.Section(o.slabs, i).Write(b); err != nil {
		return err
	}
	return o.pad(i)
}

// TestWriteTensors: the file and its digest are those of header, tensors and
// padding, through the page cache and past it.
func TestWriteTensors(t *testing.T) {
	for _, weights := range []int64{1, 5 << 20} {
		l := planned(t, weights)
		want := make([]byte, l.FileSize)
		copy(want, l.Header)
		for i, x := range l.Tensors {
			copy(want[l.DataOffset+x.Offset:], bytes.Repeat([]byte{byte(i + 1)}, int(x.Size)))
		}
		name, digest, err := written(t.Context(), t, l, tensor)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(want); digest != hex.EncodeToString(sum[:]) {
			t.Errorf("%d weights: digest %s", weights, digest)
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d weights: %d bytes, %v: not what was planned", weights, len(got), err)
		}
	}
}

// TestWriteTensorsFails: an error of one worker ends it, though others wait for
// what it had to write; and so do a caller who stops, a tensor that is too short,
// and a disk that fails.
func TestWriteTensorsFails(t *testing.T) {
	bad := errors.New("bad")
	large := planned(t, 2*slabCount*slabBytes/4)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, tc := range map[string]struct {
		ctx   context.Context
		write func(o *output, i int) error
		want  error // nil: any
	}{
		"worker": {t.Context(), func(o *output, i int) error {
			if i == 0 {
				time.Sleep(10 * time.Millisecond)
				return bad
			}
			return tensor(o, i) // waits for the first
		}, bad},
		"stopped": {ctx, func(o *output, i int) error {
			if i == 0 {
				cancel()
				_, err := o.slabs.WriteAt([]byte{0}, large.FileSize-1) // waits until that comes round
				return err
			}
			return tensor(o, i)
		}, context.Canceled},
		"too short": {t.Context(), func(o *output, i int) error {
			if i == 1 {
				return nil
			}
			return tensor(o, i)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, digest, err := written(tc.ctx, t, large, tc.write)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) || digest != "" {
				t.Errorf("digest %q, error %v, want %v", digest, err, tc.want)
			}
		})
	}
	t.Run("disk", func(t *testing.T) {
		for _, l := range []*gguf.Layout{large, planned(t, 1)} { // of the small one it shows at the end
			f, err := atomicfile.Create(filepath.Join(t.TempDir(), "file"), false)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(f.Abort)
			writable := f.File
			t.Cleanup(func() { writable.Close() })
			if f.File, err = os.Open(f.Name()); err != nil { // every write to it fails
				t.Fatal(err)
			}
			err = within(t, func() error {
				_, err := writeTensors(t.Context(), f, l, progress.Discard.Start("", 0), 3, 2, func(_ context.Context, o *output, _, i int) error {
					return tensor(o, i)
				})
				return err
			})
			var p *os.PathError
			if !errors.As(err, &p) || p.Op != "write" || p.Path != f.Name() {
				t.Errorf("error %v", err)
			}
		}
	})
}
