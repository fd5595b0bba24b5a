package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/dirstore"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

var kills = flag.Int("kills", 8, "how often TestStoreKilled kills a process")

// TestStoreKilled kills processes that store a model, at random moments. After
// each, every version that can be seen must be right to the last bit, the one
// before must be the current one or the new one be whole, and the next run must
// end the work and leave nothing behind.
//
//	go test ./cmd/bitnet-tool -run TestStoreKilled -kills 200 -v
func TestStoreKilled(t *testing.T) {
	if raceEnabled {
		t.Skip("kills many processes, and shows no race that the scripts do not")
	}
	dir, src := t.TempDir(), t.TempDir()
	for name, size := range map[string]int{"model.safetensors": 20 << 20, "tokenizer.json": 3 << 20, "config.json": 100, "sub/LICENSE": 10} {
		data := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(size)}).Read(data)
		p := filepath.Join(src, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := dirstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Put(t, s, store.Ref{Name: "m", Version: "old"}, storetest.Files{"config.json": "{}"})
	never := func(ended <-chan struct{}) { <-ended }
	begun := time.Now()
	if storeAndKill(t, src, dir, never) {
		t.Fatal("killed")
	}
	whole := time.Since(begun)
	outcomes := map[string]int{}
	for i := range *kills {
		forget(t, s)
		// Half of them at any moment, the others soon after a step of
		// publishing, which are too short to be hit otherwise.
		when := after(whole * 11 / 10)
		switch i % 4 {
		case 1:
			when = soonAfter(filepath.Join(dir, store.MetaDir, "incoming", "*", store.ManifestPath))
		case 3:
			when = soonAfter(filepath.Join(dir, "m", "new"))
		}
		killed := storeAndKill(t, src, dir, when)
		outcomes[outcome(t, s, dir, killed)]++
		if storeAndKill(t, src, dir, never) {
			t.Fatal("killed")
		}
		wantState(t, s, "m@new", "m@new", "m@old")
		if left, err := os.ReadDir(filepath.Join(dir, store.MetaDir, "incoming")); err != nil || len(left) > 0 {
			t.Fatalf("left behind: %v, %v", left, err)
		}
	}
	var rows []string
	for what, n := range outcomes {
		rows = append(rows, fmt.Sprintf("%4d  %s", n, what))
	}
	slices.Sort(rows)
	t.Logf("%d kills within %v, at random:\n%s", *kills, whole.Round(time.Millisecond), strings.Join(rows, "\n"))
}

// after waits for a random part of d.
func after(d time.Duration) func(<-chan struct{}) {
	return func(ended <-chan struct{}) {
		select {
		case <-time.After(rand.N(d)):
		case <-ended:
		}
	}
}

// soonAfter waits until a file is there, and a moment.
func soonAfter(pattern string) func(<-chan struct{}) {
	return func(ended <-chan struct{}) {
		for {
			if found, _ := filepath.Glob(pattern); len(found) > 0 {
				after(2 * time.Millisecond)(ended)
				return
			}
			select {
			case <-time.After(20 * time.Microsecond):
			case <-ended:
				return
			}
		}
	}
}

// storeAndKill runs the store command and kills it when the function returns.
// It reports whether that came before its end.
func storeAndKill(t *testing.T, src, dir string, when func(ended <-chan struct{})) bool {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Args = []string{program, "store", src, "--dir", dir, "--as", "m@new", "-q"} // see TestMain
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended, waited := make(chan struct{}), make(chan error)
	go func() {
		err := cmd.Wait()
		close(ended)
		waited <- err
	}()
	when(ended)
	cmd.Process.Kill() // no error if it has ended
	err = <-waited
	if e, ok := errors.AsType[*exec.ExitError](err); ok && !e.Exited() {
		return true
	}
	if err != nil {
		t.Fatal(err)
	}
	return false
}

// forget removes the new version.
func forget(t *testing.T, s store.Store) {
	t.Helper()
	if _, err := s.Use(t.Context(), store.Ref{Name: "m", Version: "old"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), store.Ref{Name: "m", Version: "new"}); err != nil {
		t.Fatal(err)
	}
}

// outcome proves what can be seen after a kill, and says what was left.
func outcome(t *testing.T, s store.Store, dir string, killed bool) string {
	t.Helper()
	staged, err := os.ReadDir(filepath.Join(dir, store.MetaDir, "incoming"))
	if err != nil {
		t.Fatal(err)
	}
	marked, err := os.ReadFile(filepath.Join(dir, "m", ".current"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(dir, "m", "new"))
	published := err == nil
	current := string(marked) == "new\n"
	switch {
	case !killed:
		wantState(t, s, "m@new", "m@new", "m@old")
		return "not killed: it had ended"
	case published && current:
		wantState(t, s, "m@new", "m@new", "m@old")
		return "published and current"
	case published:
		wantState(t, s, "m@old", "m@new", "m@old")
		return "published, not yet current"
	case current:
		t.Fatal("a version is current that is not there")
	}
	wantState(t, s, "m@old", "m@old")
	if len(staged) > 0 {
		return "not published, files left in incoming"
	}
	return "not published, nothing left"
}

// wantState proves all versions, and compares which there are.
func wantState(t *testing.T, s store.Store, current string, refs ...string) {
	t.Helper()
	var got []string
	for _, i := range storetest.Sound(t, s) {
		got = append(got, i.Ref.String())
	}
	slices.Sort(got)
	now, err := s.Current(t.Context(), "m")
	if err != nil || now.String() != current || !slices.Equal(got, refs) {
		t.Fatalf("the store holds %q, current is %v (%v); want %q and %s", got, now, err, refs, current)
	}
}
