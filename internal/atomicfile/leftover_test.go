package atomicfile

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/flock"
)

// TestMain is the test, or the process that a test kills.
func TestMain(m *testing.M) {
	if target := os.Getenv("ATOMICFILE_TEST_TARGET"); target != "" {
		f, err := Create(target, true)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(f.Name())
		time.Sleep(time.Minute)
		f.Abort()
		os.Exit(0)
	}
	if target := os.Getenv("ATOMICFILE_TEST_FOLDER"); target != "" {
		f, err := CreateFolder(target)
		if err == nil {
			err = os.WriteFile(filepath.Join(f.Path(), "file"), []byte("half"), 0o600)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(f.Path())
		time.Sleep(time.Minute)
		f.Abort()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writing starts a process that writes a target, and gives its partial file. End
// kills it.
func writing(t *testing.T, target string) (partial string, end func()) {
	t.Helper()
	return process(t, "ATOMICFILE_TEST_TARGET", target)
}

func process(t *testing.T, env, target string) (partial string, end func()) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), env+"="+target)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	t.Cleanup(end)
	s := bufio.NewScanner(out)
	if !s.Scan() || !isPartialOf(filepath.Base(target), filepath.Base(s.Text())) {
		t.Fatalf("the other process says %q, %v", s.Text(), s.Err())
	}
	return s.Text(), end
}

// hasLocks skips a test where partial files cannot be locked.
func hasLocks(t *testing.T) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := flock.Try(f); err != nil {
		t.Skipf("no locks here: %v", err)
	}
}

// TestLeftovers: what a killed process leaves goes with the next file of the same
// name; what somebody writes stays, and so does all else.
func TestLeftovers(t *testing.T) {
	hasLocks(t)
	dir := t.TempDir()
	target := filepath.Join(dir, "m.gguf")
	var keep []string
	for _, name := range []string{
		".m.gguf.ABCDEFG.partial", ".m.gguf.ABCDEFG1.partial", ".m.gguf.abcdefgh.partial", ".m.gguf.ABCDEFGH.partia",
		".m.ggufx.ABCDEFGH.partial", "m.gguf.ABCDEFGH.partial", ".xm.gguf.ABCDEFGH.partial", ".m.gguf..partial",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		keep = append(keep, name)
	}
	for name, create := range map[string]func(string) error{
		".m.gguf.ABCDEFGH.partial": func(p string) error { return os.Mkdir(p, 0o700) },
		".m.gguf.ABCDEFGI.partial": func(p string) error { return os.Symlink(keep[0], p) },
	} {
		if err := create(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		keep = append(keep, name)
	}
	alive, _ := writing(t, target)
	dead, kill := writing(t, target)
	kill()
	if _, err := os.Stat(dead); err != nil {
		t.Fatalf("nothing was left behind: %v", err)
	}
	mine := write(t, target, true, "mine")
	again := write(t, target, true, "again")
	want := append(slices.Clone(keep), filepath.Base(alive), filepath.Base(mine.Name()), filepath.Base(again.Name()))
	slices.Sort(want)
	if got := entries(t, dir); !slices.Equal(got, want) {
		t.Errorf("left are %q,\nwant     %q", got, want)
	}
	for _, f := range []*File{mine, again} {
		if err := f.Commit(); err != nil {
			t.Error(err)
		}
	}
	if got := content(t, target); got != "again" {
		t.Errorf("content %q", got)
	}
}

// TestManyWriters: while others look for what was left behind, every file gets
// its name.
func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "m.gguf")
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for range 40 {
				f, err := Create(target, true)
				if err != nil {
					t.Error(err)
					continue
				}
				fmt.Fprint(f, w)
				if err := f.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := entries(t, dir); !slices.Equal(got, []string{"m.gguf"}) {
		t.Errorf("left behind: %q", got)
	}
}

// TestTakenForLeftover: a file whose lock somebody else got first is given up.
func TestTakenForLeftover(t *testing.T) {
	hasLocks(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !named(f) {
		t.Error("a file that is there is not")
	}
	removeLeftover(f.Name(), openPlain)
	if named(f) {
		t.Error("a file that was removed is there")
	}
	if err := os.WriteFile(f.Name(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if named(f) {
		t.Error("another file of the same name is taken for it")
	}
}
