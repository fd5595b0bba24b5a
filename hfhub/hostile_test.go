package hfhub

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/hubtest"
)

// TestHostileListing: what a listing says is bounded before anything is made of
// it.
func TestHostileListing(t *testing.T) {
	file := func(size int64) string {
		return fmt.Sprintf(`{"type":"file","oid":"%040x","size":1,"path":"f%d","lfs":{"oid":"%064x","size":%d}}`, size, size, size, size)
	}
	tests := []struct{ name, body string }{
		{"sizes that overflow", "[" + file(math.MaxInt64) + "," + file(math.MaxInt64-1) + "]"},
		{"a size that no file has", "[" + file(1<<45) + "]"},
		{"a negative size", "[" + file(-5) + "]"},
		{"millions of nothing", "[" + strings.Repeat("{},", 20*maxFiles+1) + "{}]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.hub.Inject(1, "tree", "", hubtest.Fault{Status: 200, Body: tt.body})
			if _, err := w.pull(); !errors.Is(err, ErrNotHub) {
				t.Fatalf("error %v", err)
			}
			if o := w.orphans(); len(o) > 0 {
				t.Errorf("orphans: %q", o)
			}
		})
	}
}

// TestStopEarly: files whose turn did not come before the first failure leave
// nothing.
func TestStopEarly(t *testing.T) {
	w := newWorld(t)
	w.files = map[string]hubtest.File{}
	for i := range 50 {
		w.files[fmt.Sprint(i)] = hubtest.Text(fmt.Sprint("content ", i))
	}
	w.repo.Commit("main", w.files)
	w.o.Jobs = 1
	w.hub.Inject(-1, "resolve", "", hubtest.Fault{Status: 403})
	if _, err := w.pull(); !errors.Is(err, ErrAuth) {
		t.Fatal(err)
	}
	if n := len(w.orphans()); n > 4 {
		t.Errorf("%d partial files", n)
	}
}
