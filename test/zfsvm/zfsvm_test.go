package zfsvm

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// testBinary builds the tests of package zfsstore.
func testBinary(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"zfsstore.test": build(t, "zfsstore.test", "test", "-c", "../../zfsstore")}
}

// program builds bitnet-tool.
func program(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"bitnet-tool": build(t, "bitnet-tool", "build", "../../cmd/bitnet-tool")}
}

// TestStore runs the tests of package zfsstore, all in one boot: the
// conformance suite of stores, faults, garbage in the pool.
func TestStore(t *testing.T) {
	m := setUp(t)
	out, _ := m.run(t, boot{
		Files:   testBinary(t),
		Script:  "BITNET_TOOL_ZFS_TEST=1 ./zfsstore.test -test.v",
		Timeout: 25 * time.Minute,
	})
	if strings.Contains(out, "--- SKIP") {
		t.Error("a test was skipped")
	}
}

// TestCommands runs bitnet-tool on a ZFS store; see commands.sh.
func TestCommands(t *testing.T) {
	m := setUp(t)
	files := program(t)
	files["commands.sh"] = "commands.sh"
	m.run(t, boot{
		Files:   files,
		Script:  "./commands.sh",
		Timeout: 15 * time.Minute,
	})
}

// TestPowerCuts cuts the power of the machine while it stores, and repairs in
// another store, again and again: each boot checks what the cut before has left.
// The other half is zfsstore's TestPowerCut.
func TestPowerCuts(t *testing.T) {
	m := setUp(t)
	disk := filepath.Join(t.TempDir(), "disk.img")
	newDisk(t, disk, 256<<20)
	files := testBinary(t)
	const cuts, ofRepairs = 6, 4
	var rows []string
	for i := range cuts + 1 {
		out, cut := m.run(t, boot{
			Files:   files,
			Disks:   []string{disk},
			Script:  "BITNET_TOOL_ZFS_TEST=1 BITNET_TOOL_ZFS_CUT=" + strconv.Itoa(i) + " ./zfsstore.test -test.run '^TestPowerCut$'",
			Timeout: 6 * time.Minute,
			CutAt:   func(line string) bool { return line == "CUT NOW" },
		})
		if cut != (i < cuts) {
			t.Fatalf("boot %d: cut is %v", i, cut)
		}
		for line := range strings.Lines(out) {
			if row, ok := strings.CutPrefix(line, "CUT | "); ok {
				rows = append(rows, row)
			}
		}
	}
	if len(rows) != cuts+ofRepairs {
		t.Errorf("%d of %d cuts were checked", len(rows), cuts+ofRepairs)
	}
	t.Logf("cut before | seen after the boot | staging areas | after the next process | current\n%s", strings.Join(rows, ""))
}
