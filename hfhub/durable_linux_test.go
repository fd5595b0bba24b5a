package hfhub

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFolders(t *testing.T) {
	want := []string{"r/snapshots/c/sub", "r/snapshots/c", "r/blobs", "r/snapshots", "r", "."}
	if diff := cmp.Diff(want, folders("r/snapshots/c/sub/f", "r/snapshots/c/g", "r/blobs/e")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDurable looks at the system calls of a pull: a power cut right after it
// must leave all names, and no ref that is empty.
func TestDurable(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace")
	}
	w := newWorld(t)
	log := filepath.Join(t.TempDir(), "calls")
	child := w.child()
	child.Path, child.Args = strace, append([]string{strace, "-f", "-qq", "-y", "-s", "300", "-e", "trace=fsync,renameat,renameat2", "-o", log}, child.Args...)
	if out, err := child.CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %v: %s", err, out)
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	calls := string(b)
	synced := map[string]int{}
	for _, m := range regexp.MustCompile(`fsync\(\d+<([^>]*)>`).FindAllStringSubmatchIndex(calls, -1) {
		synced[calls[m[2]:m[3]]] = m[0]
	}
	err = filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == ".locks" {
			return fs.SkipDir
		}
		if _, ok := synced[p]; err == nil && d.IsDir() && !ok {
			t.Errorf("the folder %s was not synced", p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`"((?:ref|tree)-[^"]*\.tmp)"`).FindAllStringSubmatchIndex(calls, -1)
	if len(named) != 2 {
		t.Fatalf("%d small files got a name", len(named))
	}
	for _, m := range named {
		name := filepath.Join(w.dir, locksOf(testRepo), calls[m[2]:m[3]])
		if at, ok := synced[name]; !ok || at > m[0] {
			t.Errorf("%s was not synced before it got its name", name)
		}
	}
	if last := strings.LastIndex(calls, "models--ns--model/refs>"); last < strings.LastIndex(calls, `"main"`) {
		t.Error("the folder of the ref was not synced after it got its name")
	}
}
