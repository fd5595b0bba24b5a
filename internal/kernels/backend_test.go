package kernels_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unsafe"

	. "github.com/akadata/bitnet-tool/internal/kernels"
)

// required is the environment variable that names backends, separated by
// commas, without which the tests must not pass.
const required = "BITNET_TOOL_KERNELS_REQUIRED"

// backends runs f for every backend of this machine. What they give is to be
// compared with generic, to the bit.
func backends(t *testing.T, f func(t *testing.T, b, generic *Backend)) {
	t.Helper()
	all := Available()
	for _, b := range all[1:] {
		t.Run(b.Name, func(t *testing.T) { f(t, b, all[0]) })
	}
}

func TestRequired(t *testing.T) {
	var names []string
	for _, b := range Available() {
		names = append(names, b.Name)
	}
	t.Logf("this machine runs %s", strings.Join(names, ", "))
	for name := range strings.SplitSeq(os.Getenv(required), ",") {
		if _, err := Lookup(name); name != "" && err != nil {
			t.Errorf("%s: %v", required, err)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, b := range Available() {
		got, err := Lookup(b.Name)
		if err != nil || got.Name != b.Name {
			t.Errorf("Lookup(%q) is %v, %v", b.Name, got, err)
		}
	}
	if Available()[0].Name != "generic" {
		t.Error("generic is not the first")
	}
	for _, name := range []string{"", "sse", "Generic"} {
		if _, err := Lookup(name); !errors.Is(err, ErrBackend) || !strings.Contains(err.Error(), "generic") {
			t.Errorf("Lookup(%q): %v, want an ErrBackend that names the others", name, err)
		}
	}
}

// canary is what lies around guarded slices.
const canary = 0xa5

// guarded gives a slice of n values, the first slack values before a page that
// must not be touched, and checks at the end of the test that nothing was
// written around it. Slack 0 finds reads behind the end, others move the start
// to other alignments.
func guarded[T int8 | uint8 | uint16 | int32 | float32 | float64](t testing.TB, n, slack int) []T {
	t.Helper()
	const before = 64
	var v T
	size := int(unsafe.Sizeof(v))
	b := fence(t, before+(n+slack)*size)
	for i := range b {
		b[i] = canary
	}
	t.Cleanup(func() {
		for i, v := range b[:before] {
			if v != canary {
				t.Errorf("%d bytes before the start of a slice were overwritten", before-i)
				return
			}
		}
		for i, v := range b[before+n*size:] {
			if v != canary {
				t.Errorf("%d bytes behind the end of a slice were overwritten", i+1)
				return
			}
		}
	})
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b[before:]))), n+slack)[:n:n]
}

// fill makes random bytes of any value.
func fill(r *rand.Rand, b []byte) []byte {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// isolated runs f as a test of its own without a name, so that guarded slices
// are looked at and given back soon.
func isolated(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if !t.Run("", f) {
		t.FailNow()
	}
}
