package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// version makes a version of files in a folder.
func version(t *testing.T, files map[string]string) *Folder {
	t.Helper()
	root := tree(t, files)
	m := &Manifest{Tool: "test"}
	var err error
	if m.Files, err = Describe(t.Context(), root, progress.Discard); err != nil {
		t.Fatal(err)
	}
	ref := Ref{"model", "v1"}
	err = m.Complete(ref, time.Now())
	if err == nil {
		err = root.Mkdir(MetaDir, 0o755)
	}
	if err == nil {
		err = Seal(root, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenFolder(Info{Ref: ref, Dir: root.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

const mib = BlockSize

func TestCheck(t *testing.T) {
	locate := func(_ fs.FS, file string, offset, length int64) []string {
		if file == "w.bin" && offset <= 3*mib+5 && 3*mib+5 < offset+length {
			return []string{"q", "k"}
		}
		return nil
	}
	flip := func(offset int64) func(string) error {
		return func(dir string) error {
			f, err := os.OpenFile(filepath.Join(dir, "w.bin"), os.O_RDWR, 0)
			if err != nil {
				return err
			}
			b := make([]byte, 1)
			_, err = f.ReadAt(b, offset)
			b[0] ^= 0x10
			_, werr := f.WriteAt(b, offset)
			return errors.Join(err, werr, f.Close())
		}
	}
	in := func(dir, name string) string { return filepath.Join(dir, name) }
	for name, tc := range map[string]struct {
		spoil func(dir string) error
		want  []Damage
	}{
		"sound":   {func(string) error { return nil }, nil},
		"one bit": {flip(3*mib + 5), []Damage{{File: "w.bin", Offset: 3 * mib, Length: mib, Tensor: "q, k", Kind: Changed}}},
		"last byte": {flip(5*mib + 99), []Damage{{
			File: "w.bin", Offset: 5 * mib, Length: 100, Kind: Changed,
		}}},
		"neighbours": {
			func(dir string) error { return errors.Join(flip(0)(dir), flip(mib)(dir), flip(4*mib)(dir)) },
			[]Damage{{File: "w.bin", Length: 2 * mib, Kind: Changed}, {File: "w.bin", Offset: 4 * mib, Length: mib, Kind: Changed}},
		},
		"cut": {
			func(dir string) error { return os.Truncate(in(dir, "w.bin"), 2*mib+10) },
			[]Damage{{File: "w.bin", Offset: 2*mib + 10, Length: 3*mib + 90, Kind: Resized}},
		},
		"longer": {
			func(dir string) error { return os.Truncate(in(dir, "w.bin"), 6*mib) },
			[]Damage{{File: "w.bin", Offset: 5*mib + 100, Length: mib - 100, Kind: Resized}},
		},
		"missing": {func(dir string) error { return os.Remove(in(dir, "c")) }, []Damage{{File: "c", Length: 4, Kind: Missing}}},
		"extra":   {func(dir string) error { return os.WriteFile(in(dir, "x"), nil, 0o644) }, []Damage{{File: "x", Kind: Extra}}},
		"link": {
			func(dir string) error {
				return errors.Join(os.Rename(in(dir, "c"), in(dir, "d")), os.Symlink("d", in(dir, "c")))
			},
			[]Damage{{File: "c", Length: 4, Kind: NotPlain}, {File: "d", Kind: Extra}},
		},
		"FIFO": {
			func(dir string) error { return errors.Join(os.Remove(in(dir, "c")), unix.Mkfifo(in(dir, "c"), 0o644)) },
			[]Damage{{File: "c", Length: 4, Kind: NotPlain}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := version(t, map[string]string{"w.bin": strings.Repeat("0123456789", (5*mib+100)/10), "c": "conf"})
			if err := tc.spoil(a.Dir()); err != nil {
				t.Fatal(err)
			}
			counted := &counter{}
			got, err := Check(t.Context(), a, locate, counted)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i].Detail == "" {
					t.Errorf("%+v says nothing", got[i])
				}
				got[i].Detail = ""
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCheckUnreadable: a block that the disk does not give back is damage, and
// the others are read on.
func TestCheckUnreadable(t *testing.T) {
	a := version(t, map[string]string{"w.bin": strings.Repeat("0123456789abcdef", 4*mib/16)})
	f, _ := a.Manifest().File("w.bin")
	in, err := os.Open(filepath.Join(a.Dir(), "w.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	c := checker{add: func(int64) {}}
	if err := c.content(t.Context(), badSector{in, 2 * mib}, f); err != nil {
		t.Fatal(err)
	}
	want := []Damage{{File: "w.bin", Offset: 2 * mib, Length: mib, Kind: Unreadable, Detail: unix.EIO.Error()}}
	if diff := cmp.Diff(want, c.found); diff != "" {
		t.Error(diff)
	}

	// Blocks that are right beside a digest of the whole that is not: the
	// manifest is at fault.
	f.SHA256 = NewDigest([32]byte{1})
	c = checker{add: func(int64) {}}
	if err := c.content(t.Context(), in, f); err != nil || len(c.found) != 1 || c.found[0].Kind != Broken {
		t.Errorf("%+v, %v", c.found, err)
	}
}

// badSector fails to read the block at an offset.
type badSector struct {
	io.ReaderAt
	at int64
}

func (b badSector) ReadAt(p []byte, off int64) (int, error) {
	if off <= b.at && b.at < off+int64(len(p)) {
		return 0, unix.EIO
	}
	return b.ReaderAt.ReadAt(p, off)
}

func TestOpenFolderRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(dir string) error
		want  error
	}{
		"no manifest": {func(d string) error { return os.Remove(filepath.Join(d, ManifestPath)) }, fs.ErrNotExist},
		"cut":         {func(d string) error { return os.Truncate(filepath.Join(d, ManifestPath), 100) }, ErrDamaged},
		"of another":  {func(string) error { return nil }, ErrDamaged},
		"manifest FIFO": {func(d string) error {
			return errors.Join(os.Remove(filepath.Join(d, ManifestPath)), unix.Mkfifo(filepath.Join(d, ManifestPath), 0o644))
		}, ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			a := version(t, map[string]string{"c": "conf"})
			if err := tc.spoil(a.Dir()); err != nil {
				t.Fatal(err)
			}
			ref := Ref{"model", "v1"}
			if name == "of another" {
				ref.Version = "v2"
			}
			if _, err := OpenFolder(Info{Ref: ref, Dir: a.Dir()}); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}
