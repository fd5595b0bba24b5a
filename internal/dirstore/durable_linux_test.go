package dirstore

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

// TestStoreOnce is what TestDurable watches.
func TestStoreOnce(t *testing.T) {
	dir := os.Getenv("DIRSTORE_TEST_DIR")
	if dir == "" {
		t.Skip("for TestDurable")
	}
	storetest.Put(t, open(t, dir), ref, storetest.Files{"config.json": "{}", "sub/deep/x": "x"})
}

// TestDurable looks at the system calls that store a first version: a power cut
// right after it must leave every file and every name.
func TestDurable(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace")
	}
	base, log := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	dir := filepath.Join(base, "data", "store")
	child := exec.Command(strace, "-f", "-qq", "-y", "-s", "300", "-e", "trace=fsync,renameat,renameat2", "-o", log,
		os.Args[0], "-test.run=^TestStoreOnce$")
	child.Env = append(os.Environ(), "DIRSTORE_TEST_DIR="+dir)
	if out, err := child.CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %v: %s", err, out)
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	calls := string(b)
	// What is synced below incoming has its final name by now.
	stage := regexp.MustCompile(regexp.QuoteMeta(filepath.Join(dir, incoming)) + `/[a-z0-9]{16}`)
	synced := map[string]bool{}
	for _, m := range regexp.MustCompile(`fsync\(\d+<([^>]*)>`).FindAllStringSubmatch(calls, -1) {
		synced[stage.ReplaceAllLiteralString(m[1], filepath.Join(dir, "m/v1"))] = true
	}
	passing := map[string]string{ // by which name it was synced
		filepath.Join(dir, markerPath): filepath.Join(dir, markerPath) + ".new",
	}
	err = filepath.WalkDir(base, func(p string, _ fs.DirEntry, err error) error {
		name := p
		if n, ok := passing[p]; ok {
			name = n
		}
		switch {
		case err != nil:
			return err
		case p == filepath.Join(dir, lockPath): // has nothing in it
		case strings.HasSuffix(p, "/"+currentTag):
			if !regexp.MustCompile(regexp.QuoteMeta(p) + `\.[a-z0-9]+>`).MatchString(calls) {
				t.Error("the note of the current version was not synced")
			}
		case !synced[name]:
			t.Errorf("%s was not synced", p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	publish := strings.Index(calls, `"v1"`)
	for what, last := range map[string]string{"a file": "sub/deep/x>", "the manifest": "manifest.json>"} {
		if at := strings.LastIndex(calls, last); at < 0 || publish < at {
			t.Errorf("%s was synced after the version was published", what)
		}
	}
	if after := calls[max(publish, 0):]; !strings.Contains(after, dir+"/m>") || !strings.Contains(after, dir+">") || !strings.Contains(after, incoming+">") {
		t.Error("the folders were not synced after the version was published")
	}
}
