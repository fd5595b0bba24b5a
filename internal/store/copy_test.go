package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/progress"
)

// target is an empty staging folder.
func target(t *testing.T) *os.Root {
	t.Helper()
	root := tree(t, nil)
	l, err := ClaimStaging(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Free)
	return root
}

func walked(t *testing.T, root *os.Root) Origin {
	t.Helper()
	entries, err := Walk(root, ".", nil)
	if err != nil {
		t.Fatal(err)
	}
	return Origin{root, entries}
}

// TestCopySums compares what is hashed on the way with hashes of the whole.
func TestCopySums(t *testing.T) {
	contents := map[string]string{}
	for _, size := range []int{0, 1, BlockSize - 1, BlockSize, BlockSize + 1, 20*BlockSize + 7} {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(i*31 + i>>8 + 1)
		}
		contents[fmt.Sprintf("f%09d", size)] = string(b)
	}
	src, dst := tree(t, contents), target(t)
	counted := &counter{}
	files, err := Copy(t.Context(), dst, walked(t, src), counted)
	if err != nil {
		t.Fatal(err)
	}
	described, err := describe(t.Context(), walked(t, src), progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if DigestOf(files) != DigestOf(described) {
		t.Error("Copy and Describe differ")
	}
	var total int64
	for i, f := range files {
		content := contents[f.Path]
		total += f.Size
		if want := NewDigest(sha256.Sum256([]byte(content))); f.SHA256 != want || described[i].SHA256 != want {
			t.Errorf("%s: SHA-256 %s, want %s", f.Path, f.SHA256, want)
		}
		var blocks []byte
		for len(content) > 0 {
			n := min(len(content), BlockSize)
			sum := sha256.Sum256([]byte(content[:n]))
			blocks, content = append(blocks, sum[:]...), content[n:]
		}
		if !bytes.Equal(f.Blocks, blocks) || !bytes.Equal(described[i].Blocks, blocks) {
			t.Errorf("%s: block digests are wrong", f.Path)
		}
		got, err := dst.ReadFile(f.Path)
		if err != nil || string(got) != contents[f.Path] {
			t.Errorf("%s: copy differs, %v", f.Path, err)
		}
	}
	if counted.total != total || counted.done != total || counted.err != nil {
		t.Errorf("progress %+v of %d", counted, total)
	}
}

// counter is a progress.Sink for one task.
type counter struct {
	total, done int64
	err         error
}

func (c *counter) Start(_ string, total int64) progress.Task { c.total = total; return c }
func (c *counter) Add(n int64)                               { c.done += n }
func (c *counter) Done(err error)                            { c.err = err }

// The identities of "hello\n": sha256sum, and git hash-object.
const (
	hello       = "hello\n"
	helloSHA256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
	helloGitOID = "ce013625030ba8dba906f756967f9e9ca394464a"
)

func TestCopyComparesWithTheHub(t *testing.T) {
	pointer := strings.Repeat("0", 40) // of an LFS file git knows the pointer
	for name, tc := range map[string]struct {
		hub  Identity
		size int64
		bad  bool
	}{
		"LFS":              {Identity{SHA256: helloSHA256, GitOID: pointer}, 6, false},
		"git":              {Identity{GitOID: helloGitOID}, 6, false},
		"nothing known":    {Identity{}, 6, false},
		"other LFS":        {Identity{SHA256: strings.Repeat("0", 64), GitOID: helloGitOID}, 6, true},
		"other git":        {Identity{GitOID: pointer}, 6, true},
		"other size":       {Identity{SHA256: helloSHA256}, 7, true},
		"size is not told": {Identity{}, 7, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := walked(t, tree(t, map[string]string{"f": hello}))
			o.Entries[0].Hub, o.Entries[0].Size = tc.hub, tc.size
			for what, do := range map[string]func() ([]File, error){
				"copy":     func() ([]File, error) { return Copy(t.Context(), target(t), o, progress.Discard) },
				"describe": func() ([]File, error) { return describe(t.Context(), o, progress.Discard) },
			} {
				files, err := do()
				if errors.Is(err, ErrDamaged) != tc.bad || !tc.bad && (err != nil || files[0].Hub != tc.hub) {
					t.Errorf("%s: %+v, %v", what, files, err)
				}
				if tc.bad && !strings.Contains(err.Error(), `"f"`) {
					t.Errorf("%s: %v does not name the file", what, err)
				}
			}
		})
	}
}

// TestCopyOfChangingFile writes to the source while it is read.
func TestCopyOfChangingFile(t *testing.T) {
	src := tree(t, map[string]string{"f": strings.Repeat("x", 4*BlockSize)})
	name := filepath.Join(src.Name(), "f")
	for what, change := range map[string]func() error{
		"cut":     func() error { return os.Truncate(name, 3*BlockSize) },
		"longer":  func() error { return os.Truncate(name, 5*BlockSize) },
		"written": func() error { return os.WriteFile(name, bytes.Repeat([]byte("y"), 4*BlockSize), 0o644) },
	} {
		t.Run(what, func(t *testing.T) {
			if err := os.WriteFile(name, bytes.Repeat([]byte("x"), 4*BlockSize), 0o644); err != nil {
				t.Fatal(err)
			}
			o := walked(t, src)
			_, err := Copy(t.Context(), target(t), o, &onAdd{change: change})
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "while it was copied") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// onAdd does something at the first progress.
type onAdd struct {
	counter
	change func() error
	adds   int
}

func (o *onAdd) Start(string, int64) progress.Task { return o }
func (o *onAdd) Add(int64) {
	o.adds++
	if o.change != nil {
		if err := o.change(); err != nil {
			panic(err)
		}
		o.change = nil
	}
}

func TestCopyStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := walked(t, tree(t, map[string]string{"a": strings.Repeat("x", 64*BlockSize)}))
	task := &onAdd{change: func() error { cancel(); return nil }}
	if _, err := Copy(ctx, target(t), o, task); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if task.adds > 2 {
		t.Errorf("%d blocks were copied after all", task.adds)
	}
	// A source that is replaced by something else before it is opened.
	src := tree(t, map[string]string{"f": "1"})
	o = walked(t, src)
	if err := errors.Join(src.Remove("f"), src.Symlink("/etc/passwd", "f")); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), target(t), o, progress.Discard); !errors.Is(err, ErrSource) {
		t.Errorf("replaced: %v", err)
	}
}
