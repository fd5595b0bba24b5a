package zfsstore

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

// cuts are the moments at which the power fails, one a boot: of storing into
// one store and of repairing in another. Except for "write" they are steps of
// Commit and Swap, not yet done.
var cuts = []struct {
	before    string
	published bool // by the next process

	mending string // "" to repair nothing
	mended  bool   // by the next process
}{
	{"write", false, "", false},
	{"unmount", false, "", false},
	{"complete", false, "out", false},
	{"rename", true, "in", true},
	{"mount", true, "mount", true},
	{"settle", true, "dispose", true},
}

const (
	cutVariable = "BITNET_TOOL_ZFS_CUT" // number of the boot, 0 the first
	cutPool     = "cuts"                // on /dev/vda1
	cutSize     = 4 << 20
)

// TestPowerCut is one boot of a chain: it checks what the cut of the boot
// before has left, then stores another version until the power is cut. The
// program that cuts reads what this prints; it is in test/zfsvm.
func TestPowerCut(t *testing.T) {
	number, ok := os.LookupEnv(cutVariable)
	if !ok {
		return // elsewhere there is nobody to cut the power
	}
	boot, err := strconv.Atoi(number)
	must(t, err)
	if boot == 0 {
		command(t, "zpool", "create", cutPool, "/dev/vda1")
	} else {
		command(t, "zpool", "import", "-f", "-d", "/dev", cutPool)
	}
	s, damaged := open(t, cutPool+"/models"), open(t, cutPool+"/damaged")
	if boot == 0 {
		storetest.Put(t, s, cutRef(0), storetest.Files{"model.bin": cutContent(0)})
		storetest.Put(t, damaged, v1, storetest.Files{"sub/cut": model["sub/cut"], "config.json": "{}"})
		storetest.Put(t, damaged, v2, other)
	} else {
		checkCut(t, s, boot)
		if cuts[boot-1].mending != "" {
			checkMendCut(t, damaged, boot)
		}
	}
	if t.Failed() {
		return // or nobody would hear of it
	}
	if boot < len(cuts) {
		if cuts[boot].mending != "" {
			mendUntilCut(t, damaged, cuts[boot].mending)
		}
		storeUntilCut(t, s, boot+1, cuts[boot].before)
	}
}

func cutRef(i int) store.Ref { return store.Ref{Name: "model", Version: fmt.Sprintf("v%d", i)} }

// cutContent is what version i holds: noise, at another place for each.
func cutContent(i int) string { return string(noise(cutSize + i)[i:]) }

// checkCut proves what is there before and after the next process cleans, and
// prints a row about it.
func checkCut(t *testing.T, s *Store, boot int) {
	cut := cuts[boot-1]
	visible := versions(t, s)
	left := staging(t, s)
	must(t, s.Clean(t.Context()))
	want := []string{"v0"}
	for i, c := range cuts[:boot] {
		if c.published {
			want = append(want, fmt.Sprintf("v%d", i+1))
		}
	}
	got := versions(t, s)
	if !slices.Equal(got, want) {
		t.Errorf("cut %d, before %s: the store holds %v, want %v", boot, cut.before, got, want)
	}
	if n := len(staging(t, s)); n > 0 {
		t.Errorf("cut %d, before %s: %d staging areas are left", boot, cut.before, n)
	}
	current, err := s.Current(t.Context(), "model")
	if err != nil || current.Version != want[len(want)-1] {
		t.Errorf("cut %d, before %s: current is %v, %v", boot, cut.before, current, err)
	}
	fmt.Printf("CUT | %d | %-8s | %-11s | %d | %-11s | %s\n", boot, cut.before, strings.Join(visible, " "), len(left), strings.Join(got, " "), current.Version)
}

// checkMendCut proves that the version that was being repaired is whole, or is
// as damaged as it was, and that nothing else changed; and prints a row.
func checkMendCut(t *testing.T, s *Store, boot int) {
	cut := cuts[boot-1]
	visible := "there"
	if a, err := s.Open(t.Context(), v1); err == nil {
		must(t, a.Close())
	} else {
		visible = "not there"
	}
	left := len(staging(t, s))
	must(t, s.Clean(t.Context()))
	_, found := check(t, s, v1)
	if mended := len(found) == 0; mended != cut.mended || !mended && (len(found) != 1 || found[0].Kind != store.Resized) {
		t.Errorf("repair, cut %d, before %s: found %+v", boot, cut.mending, found)
	}
	if cut.mended {
		wantMended(t, s)
	}
	if n := len(staging(t, s)); n > 0 {
		t.Errorf("repair, cut %d, before %s: %d staging areas are left", boot, cut.mending, n)
	}
	state := map[bool]string{true: "whole", false: "damaged"}[len(found) == 0]
	fmt.Printf("CUT | %d | %-8s | %-11s | %d | %-11s | of a repair\n", boot, cut.mending, visible, left, state)
}

// mendUntilCut damages a version, if it is whole, and repairs it up to a step.
func mendUntilCut(t *testing.T, s *Store, before string) {
	if _, found := check(t, s, v1); len(found) == 0 {
		written(t, s.versionDataset(v1), cut)
	}
	there := make(chan error)
	s.stop = func(step string) error {
		if step == before {
			there <- nil
			select {} // with all that is locked
		}
		return nil
	}
	info, found := check(t, s, v1)
	go func() {
		_, err := store.Mend(t.Context(), s, info, found, []store.Donor{memory{}}, progress.Discard)
		there <- fmt.Errorf("the repair did not come to %q: %w", before, err)
	}()
	must(t, <-there)
}

// versions are those that can be seen, each proven by its digests and against
// what was to be stored.
func versions(t *testing.T, s *Store) (names []string) {
	for _, info := range storetest.Sound(t, s) {
		b, err := os.ReadFile(info.Dir + "/model.bin")
		must(t, err)
		i, err := strconv.Atoi(info.Ref.Version[1:])
		must(t, err)
		if string(b) != cutContent(i) {
			t.Errorf("%s has other content than was stored", info.Ref)
		}
		names = append(names, info.Ref.Version)
	}
	slices.Sort(names)
	return names
}

func staging(t *testing.T, s *Store) []dataset {
	c, err := s.read(t.Context())
	must(t, err)
	return c.staging
}

// storeUntilCut stores version i and says when to cut the power.
func storeUntilCut(t *testing.T, s *Store, i int, before string) {
	s.stop = func(step string) error {
		if step == before {
			waitForCut()
		}
		return nil
	}
	if before == "write" {
		x, err := s.Begin(t.Context(), cutRef(i), cutSize)
		must(t, err)
		f, err := x.Root().Create("model.bin")
		must(t, err)
		_, err = f.WriteString(cutContent(i)[:cutSize/2])
		must(t, err)
		waitForCut()
	}
	err := put(t, s, cutRef(i), storetest.Files{"model.bin": cutContent(i)})
	t.Fatalf("the power was not cut before %q: %v", before, err)
}

// waitForCut tells the other side and does not return.
func waitForCut() {
	fmt.Println("CUT NOW")
	select {}
}
