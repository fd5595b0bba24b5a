package safetensors

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// link makes a symbolic link and the folders that it stands in.
func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func TestLinks(t *testing.T) {
	content := bytesOf("a", "1")
	t.Run("within the folder", func(t *testing.T) {
		dir := writeFiles(t, map[string][]byte{"weights": content})
		link(t, "weights", filepath.Join(dir, singleName))
		s, err := OpenSet(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if d := cmp.Diff([]string{"a=1 in " + singleName}, contents(t, s)); d != "" {
			t.Error(d)
		}
	})
	t.Run("folder given by a link", func(t *testing.T) {
		dir := writeFiles(t, map[string][]byte{singleName: content})
		alias := filepath.Join(t.TempDir(), "alias")
		link(t, dir, alias)
		s, err := OpenSet(alias)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	})

	// cache makes a Hugging Face cache with a blob in the model's folder and one
	// in the store shared by all, and returns the snapshot's folder.
	cache := func(t *testing.T) string {
		root := t.TempDir()
		model := filepath.Join(root, "models--org--name")
		for path, b := range map[string][]byte{
			filepath.Join(model, "blobs", "1111"):        content,
			filepath.Join(root, "blobs", "22", "2222"):   bytesOf("b", "2"),
			filepath.Join(model, "blobs", "index-blob"):  index("a", shard1, "b", shard2),
			filepath.Join(filepath.Dir(root), "outside"): content,
		} {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		link(t, "../../blobs/22/2222", filepath.Join(model, "blobs", "3333"))
		snapshot := filepath.Join(model, "snapshots", "0123abcd")
		link(t, "../../blobs/1111", filepath.Join(snapshot, shard1))
		link(t, "../../blobs/3333", filepath.Join(snapshot, shard2))
		link(t, "../../blobs/index-blob", filepath.Join(snapshot, indexName))
		return snapshot
	}
	t.Run("Hugging Face cache", func(t *testing.T) {
		snapshot := cache(t)
		s, err := OpenSet(snapshot)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if d := cmp.Diff([]string{"a=1 in " + shard1, "b=2 in " + shard2}, contents(t, s)); d != "" {
			t.Error(d)
		}
		// The same content under another blob is a change all the same.
		if err := s.CheckUnchanged(); err != nil {
			t.Error(err)
		}
		name := filepath.Join(snapshot, shard1)
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		link(t, "../../blobs/3333", name)
		if err := s.CheckUnchanged(); !errors.Is(err, ErrChanged) {
			t.Error(err)
		}
	})
	t.Run("folder in a snapshot", func(t *testing.T) {
		sub := filepath.Join(cache(t), "sub", "deep")
		link(t, "../../../../blobs/1111", filepath.Join(sub, singleName))
		s, err := OpenSet(sub)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	})

	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, content, 0o644); err != nil {
		t.Fatal(err)
	}
	plain := func(t *testing.T) string { // beside a file called outside
		parent := writeFiles(t, map[string][]byte{"outside": content})
		if err := os.Mkdir(filepath.Join(parent, "model"), 0o755); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(parent, "model")
	}
	for _, c := range []struct {
		name, file, target string
		dir                func(t *testing.T) string
	}{
		{"absolute", singleName, outside, plain},
		{"relative to the outside", singleName, "../outside", plain},
		{"nowhere", singleName, "missing", plain},
		{"to itself", singleName, singleName, plain},
		{"index nowhere", indexName, "missing", plain},
		{"out of the cache", "x.safetensors", "../../../../outside", cache},
	} {
		t.Run("refused: "+c.name, func(t *testing.T) {
			dir := c.dir(t)
			link(t, c.target, filepath.Join(dir, c.file))
			if c.file == "x.safetensors" {
				idx := filepath.Join(dir, indexName)
				if err := errors.Join(os.Remove(idx), os.WriteFile(idx, index("a", c.file), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			refuseSet(t, dir, c.file+": malformed safetensors: this link leads nowhere, or out of "+linkBound(dir))
		})
	}
	t.Run("refused: named pipe", func(t *testing.T) {
		dir := t.TempDir()
		if err := syscall.Mkfifo(filepath.Join(dir, singleName), 0o644); err != nil {
			t.Fatal(err)
		}
		refuseSet(t, dir, singleName+": malformed safetensors: not a regular file")
	})
	t.Run("refused: folder in place of the index", func(t *testing.T) {
		dir := writeFiles(t, map[string][]byte{singleName: content})
		if err := os.Mkdir(filepath.Join(dir, indexName), 0o755); err != nil {
			t.Fatal(err)
		}
		refuseSet(t, dir, indexName+": malformed safetensors: not a regular file")
	})
}
