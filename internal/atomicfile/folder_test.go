package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func fill(t *testing.T, target string) *Folder {
	t.Helper()
	f, err := CreateFolder(target)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.Path(), "file"), []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "model")
	f := fill(t, target)
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there before Commit: %v", err)
	}
	other := fill(t, target)
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if got := content(t, filepath.Join(target, "file")); got != "whole" {
		t.Errorf("content %q", got)
	}
	if err := f.Commit(); err == nil {
		t.Error("committed twice")
	}
	if err := other.Commit(); err == nil {
		t.Error("took the place of a folder with files")
	}
	fill(t, target).Abort()
	if got := entries(t, dir); !slices.Equal(got, []string{"model"}) {
		t.Errorf("left behind: %q", got)
	}
}

// TestFolderLeftovers: what a killed process leaves goes with the next folder of
// the same name; what somebody fills stays, and so does all else.
func TestFolderLeftovers(t *testing.T) {
	hasLocks(t)
	dir := t.TempDir()
	target := filepath.Join(dir, "model")
	keep := []string{".model.ABCDEFG.partial", ".other.ABCDEFGH.partial", "model.ABCDEFGH.partial"}
	for _, name := range keep {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := ".model.ABCDEFGI.partial"
	if err := os.Symlink(keep[1], filepath.Join(dir, link)); err != nil {
		t.Fatal(err)
	}
	alive, _ := process(t, "ATOMICFILE_TEST_FOLDER", target)
	dead, kill := process(t, "ATOMICFILE_TEST_FOLDER", target)
	kill()
	if got := content(t, filepath.Join(dead, "file")); got != "half" {
		t.Fatalf("left behind is %q", got)
	}
	mine := fill(t, target)
	want := append(slices.Clone(keep), link, filepath.Base(alive), filepath.Base(mine.Path()))
	slices.Sort(want)
	if got := entries(t, dir); !slices.Equal(got, want) {
		t.Errorf("left are %q,\nwant     %q", got, want)
	}
	if err := mine.Commit(); err != nil {
		t.Error(err)
	}
	if got := content(t, filepath.Join(alive, "file")); got != "half" {
		t.Errorf("what another process writes is %q", got)
	}
}
