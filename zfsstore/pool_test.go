package zfsstore

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// needZFS skips a test that takes real OpenZFS: it makes pools of its own, out
// of files, and takes root to do so.
func needZFS(t *testing.T) {
	t.Helper()
	if os.Getenv("BITNET_TOOL_ZFS_TEST") == "" {
		t.Skip("needs root and real OpenZFS: run ./check zfs, or set BITNET_TOOL_ZFS_TEST=1 on a machine that has both")
	}
}

// pool is a pool of its own for a test.
type pool struct{ name, file string }

// newPool makes a pool of size bytes.
func newPool(t *testing.T, size int64) pool {
	t.Helper()
	needZFS(t)
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // for TestUser
		t.Fatal(err)
	}
	p := pool{"bttest" + strings.ToLower(rand.Text()[:8]), filepath.Join(dir, "vdev")}
	if err := os.WriteFile(p.file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p.file, size); err != nil {
		t.Fatal(err)
	}
	command(t, "zpool", "create", "-m", filepath.Join(dir, "mnt"), p.name, p.file)
	t.Cleanup(func() {
		if out, err := exec.Command("zpool", "destroy", "-f", p.name).CombinedOutput(); err != nil {
			t.Errorf("zpool destroy: %v: %s", err, out)
		}
	})
	return p
}

// reopen exports the pool, lets f do something to its file, and imports it
// with options.
func (p pool) reopen(t *testing.T, f func(file string), options ...string) {
	t.Helper()
	command(t, "zpool", "export", p.name)
	if f != nil {
		f(p.file)
	}
	command(t, "zpool", append(append([]string{"import", "-d", filepath.Dir(p.file)}, options...), p.name)...)
}

// command runs a program that must succeed and returns what it printed.
func command(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// zfsGet gives the value of a property.
func zfsGet(t *testing.T, property, name string) string {
	t.Helper()
	return command(t, "zfs", "get", "-Hp", "-o", "value", property, name)
}

// exists reports whether there is a dataset or snapshot.
func exists(name string) bool {
	return exec.Command("zfs", "list", "-H", name).Run() == nil
}

// store opens a store in the pool.
func (p pool) store(t *testing.T, name string) *Store {
	t.Helper()
	return open(t, p.name+"/"+name)
}

func open(t *testing.T, dataset string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dataset)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fresh gives names that were not used before.
func fresh() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("s%d", n) }
}
