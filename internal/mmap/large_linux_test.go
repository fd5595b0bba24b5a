package mmap

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// TestPreferLarge asks the system for the flags of the memory at hand.
func TestPreferLarge(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip("this kernel has no large pages")
	}
	PreferLarge[byte](nil)
	all := make([]float32, 8<<20)
	if flagged(t, all) {
		t.Skip("all memory is asked for in large pages")
	}
	PreferLarge(all[:1000]) // less than a page, perhaps
	for from := range 5 {
		PreferLarge(all[from : len(all)-5])
	}
	if !flagged(t, all) {
		t.Error("large pages were not asked for")
	}
	for i, v := range all {
		if v != 0 {
			t.Fatalf("element %d is %v", i, v)
		}
	}
}

// flagged reports whether the mapping in the middle of x has the flag "hg", see
// proc_pid_smaps(5).
func flagged(t *testing.T, x []float32) bool {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	at, here := uintptr(unsafe.Pointer(&x[len(x)/2])), false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var lo, hi uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &lo, &hi); n == 2 {
			here = lo <= at && at < hi
		}
		if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && here {
			return strings.Contains(flags+" ", " hg ")
		}
	}
	t.Skip("the kernel does not tell flags")
	return false
}
