package convert_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

// trap is a progress sink that does something once, when the given share of
// the work is done.
type trap struct {
	share float64
	do    func()

	mu          sync.Mutex
	done, total int64
	sprung      bool
}

func (t *trap) Start(_ string, total int64) progress.Task {
	t.total = total
	return t
}

func (t *trap) Add(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += n
	if !t.sprung && float64(t.done) >= t.share*float64(t.total) {
		t.sprung = true
		t.do()
	}
}

func (t *trap) Done(error) {}

// write converts to I2_S with a trap on the way and gives what is in the output
// folder afterwards.
func (t *trap) write(ctx context.Context, tb testing.TB, src string, force bool, old string) ([]fs.DirEntry, error) {
	tb.Helper()
	dir := tb.TempDir()
	path := filepath.Join(dir, "model.gguf")
	if old != "" {
		if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	s, err := convert.Open(src)
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close()
	p, err := s.Plan(ctx, convert.Options{Type: quant.I2_S})
	if err != nil {
		tb.Fatal(err)
	}
	_, err = p.WriteFile(ctx, path, force, t)
	if !t.sprung {
		tb.Errorf("nothing happened: %d of %d done", t.done, t.total)
	}
	left, rerr := os.ReadDir(dir)
	if rerr != nil {
		tb.Fatal(rerr)
	}
	if old != "" {
		if b, rerr := os.ReadFile(path); rerr != nil || err != nil && string(b) != old {
			tb.Errorf("the old file is %q, %v", b, rerr)
		}
	}
	return left, err
}

// moments of a conversion: the first reading, the second, and the end.
var moments = []float64{0, 0.1, 0.4, 0.6, 0.8, 0.95}

// TestSourceChanges: whatever happens to the source while it is read, no file
// is made of it.
func TestSourceChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"appended": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.Write([]byte{0})
			return errors.Join(err, f.Close())
		},
		"truncated": func(path string) error { return os.Truncate(path, 5000) },
		"written to": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{1, 2, 3, 4}, 100_000)
			return errors.Join(err, f.Close(), os.Chtimes(path, time.Time{}, time.Now().Add(time.Second)))
		},
		"replaced": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path+".new", b, 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			for _, share := range moments {
				src := smallMasters(t)
				trap := &trap{share: share, do: func() {
					if err := change(filepath.Join(src, "model.safetensors")); err != nil {
						t.Error(err)
					}
				}}
				left, err := trap.write(t.Context(), t, src, false, "")
				if !errors.Is(err, safetensors.ErrChanged) {
					t.Errorf("at %.2f: error %v, want ErrChanged", share, err)
				}
				if len(left) > 0 {
					t.Errorf("at %.2f: left behind: %v", share, left)
				}
			}
		})
	}
}

// TestCancel leaves nothing behind, and an old file as it was.
func TestCancel(t *testing.T) {
	src := fixture.BF16(t)
	for _, old := range []string{"", "old"} {
		for _, share := range moments {
			ctx, cancel := context.WithCancel(t.Context())
			left, err := (&trap{share: share, do: cancel}).write(ctx, t, src, old != "", old)
			cancel()
			if !errors.Is(err, context.Canceled) {
				t.Errorf("at %.2f: error %v", share, err)
			}
			if want := min(len(old), 1); len(left) != want {
				t.Errorf("at %.2f: left behind: %v", share, left)
			}
		}
	}
}
