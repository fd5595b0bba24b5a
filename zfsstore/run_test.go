package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/store"
)

// fakeZFS puts a script called zfs first in PATH, for what no real pool can be
// made to show. The script's arguments are those of zfs.
func fakeZFS(t *testing.T, script string) *Store {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"zfs", "zpool"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return open(t, "tank/models")
}

func TestDatasetNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"tank": true, "tank/models": true, "Tank_1.2:a-b/x/9": true, strings.Repeat("a", 200): true,
		"": false, "-V": false, "tank/-r": false, "/tank": false, "tank/": false, "tank//x": false, "1tank": false,
		"tank/../x": false, "tank/a b": false, "tank@snap": false, "tank/x\n": false, "tank/x#y": false, strings.Repeat("a", 201): false,
	} {
		err := checkDataset(name)
		if ok != (err == nil) || err != nil && !errors.Is(err, store.ErrName) {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	s := &Store{dataset: strings.Repeat("a", 150)}
	wantError(t, s.checkRef(store.Ref{Name: strings.Repeat("b", 40), Version: "123456789"}), store.ErrName, "200")
	must(t, s.checkRef(store.Ref{Name: strings.Repeat("b", 39), Version: "123456789"}))
}

func TestNoZFS(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if _, err := os.Stat(dir + "/zfs"); err == nil {
			return // this machine has OpenZFS
		}
	}
	_, err := Open(t.Context(), "tank/models")
	wantError(t, err, store.ErrUnavailable, "--dir")
}

// TestMeanings pins what failed commands mean.
func TestMeanings(t *testing.T) {
	for _, tt := range []struct {
		says string
		want error
	}{
		{"cannot open 'tank/x': dataset does not exist", store.ErrNotFound},
		{"cannot create 'tank/x/y': parent does not exist", store.ErrNotFound},
		{"cannot create 'tank/x': dataset already exists", errExists},
		{"cannot unmount '/tank/x': pool or dataset is busy", errBusy},
		{"cannot unmount '/tank/x': pool or dataset is busy", store.ErrLocked},
		{"cannot set property for 'tank/x': permission denied", store.ErrUnavailable},
		{"cannot create 'tank/x': out of space", store.ErrSpace},
		{"cannot create 'tank/x': pool is read-only", store.ErrUnavailable},
		{"The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.", store.ErrUnavailable},
		{"cannot mount 'tank/x': encryption key not loaded", store.ErrUnavailable},
		{"internal error: cannot iterate filesystems: I/O error", store.ErrUnavailable},
	} {
		s := fakeZFS(t, "echo \"$LC_ALL\" >&2; printf '%s\\n' \""+tt.says+"\" >&2; exit 1")
		err := s.zfs(t.Context(), "set", "a:b=c", "tank/x")
		wantError(t, err, tt.want, "zfs set", strings.Join(strings.Fields(tt.says), " "))
		if !strings.Contains(err.Error(), "C "+strings.Fields(tt.says)[0]) {
			t.Errorf("not run with LC_ALL=C: %v", err)
		}
		// The same through go-zfs.
		wantError(t, setProperty(t.Context(), "tank/x", "a:b", "c"), tt.want, "zfs set")
	}
}

func TestUnknownFailure(t *testing.T) {
	s := fakeZFS(t, "echo something new >&2; exit 3")
	err := s.zfs(t.Context(), "set", "a:b=c", "tank/x")
	if err == nil || !strings.Contains(err.Error(), "something new") {
		t.Errorf("error %v", err)
	}
	for _, known := range []error{store.ErrUnavailable, store.ErrNotFound, store.ErrLocked, store.ErrSpace} {
		if errors.Is(err, known) {
			t.Errorf("%v is taken for %v", err, known)
		}
	}
}

// TestStderrIsBounded has a command that complains without end.
func TestStderrIsBounded(t *testing.T) {
	s := fakeZFS(t, "head -c 10000000 /dev/zero | tr '\\0' 'x' >&2; exit 1")
	err := s.zfs(t.Context(), "set", "a:b=c", "tank/x")
	if n := len(fmt.Sprint(err)); n < maxStderr || n > maxStderr+100 {
		t.Errorf("%d bytes of error", n)
	}
}

func TestCancel(t *testing.T) {
	s := fakeZFS(t, "exec sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	wantError(t, s.zfs(ctx, "hold", "x", "tank/x@y"), context.DeadlineExceeded)
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("ended after %v", d)
	}
	wantError(t, setProperty(ctx, "tank/x", "a:b", "c"), context.DeadlineExceeded)
}

func TestUntilFree(t *testing.T) {
	n := 0
	must(t, untilFree(t.Context(), time.Minute, func() error {
		if n++; n < 3 {
			return fmt.Errorf("x: %w", errBusy)
		}
		return nil
	}))
	if n != 3 {
		t.Errorf("tried %d times", n)
	}
	wantError(t, untilFree(t.Context(), 0, func() error { return errBusy }), store.ErrLocked)
	n = 0
	wantError(t, untilFree(t.Context(), time.Minute, func() error { n++; return store.ErrSpace }), store.ErrSpace)
	if n != 1 {
		t.Errorf("another error was tried %d times", n)
	}
}

func TestParseProperties(t *testing.T) {
	got, err := parseProperties("tank/b\tbitnet-tool:state\tcomplete\tlocal\ntank/a\tx:y\ta\tb\tinherited from tank\ntank/b\tmounted\tyes\t-\n")
	must(t, err)
	want := []dataset{
		{"tank/a", map[string]property{"x:y": {"a\tb", "inherited from tank"}}},
		{"tank/b", map[string]property{"bitnet-tool:state": {"complete", "local"}, "mounted": {"yes", "-"}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(dataset{}, property{})); diff != "" {
		t.Error(diff)
	}
	if _, err := parseProperties("tank/b\tmounted\n"); err == nil {
		t.Error("a short line is accepted")
	}
}

// TestSources reads a store in which everything inherits our properties.
func TestSources(t *testing.T) {
	s := fakeZFS(t, `cat <<END
tank/models	bitnet-tool:store	1	local
tank/models/m	bitnet-tool:current	v1	local
tank/models/m-x	bitnet-tool:current	v9	inherited from tank
tank/models/m-x/v9	bitnet-tool:state	complete	local
tank/models/m/v1	bitnet-tool:state	complete	local
tank/models/m/v1	mounted	yes	-
tank/models/m/v1@bitnet-tool	bitnet-tool:digest	sha256:`+strings.Repeat("a", 64)+`	local
tank/models/m/v1@other	bitnet-tool:digest	sha256:`+strings.Repeat("b", 64)+`	local
tank/models/m/v2	bitnet-tool:state	incoming	local
tank/models/m/v3	bitnet-tool:state	complete	received
tank/models/m/theirs	bitnet-tool:state	complete	inherited from tank/models
tank/models/m/v1/deep	bitnet-tool:state	complete	local
tank/models/_incoming/a	bitnet-tool:state	complete	local
tank/models/_theirs/v1	bitnet-tool:state	complete	local
END`)
	c, err := s.read(t.Context())
	must(t, err)
	var got []string
	for _, v := range c.versions {
		got = append(got, v.ref.String())
	}
	if want := []string{"m@v1", "m@v3", "m-x@v9"}; !slices.Equal(got, want) {
		t.Errorf("versions %q, want %q", got, want)
	}
	if len(c.staging) != 1 || c.current("m") != "v1" || c.current("m-x") != "v9" || c.current("none") != "" {
		t.Errorf("staging %v, current %q and %q", c.staging, c.current("m"), c.current("m-x"))
	}
	if v, _ := c.has(store.Ref{Name: "m", Version: "v3"}); v.local(propState) != "" {
		t.Error("a received property counts as set here")
	}
	v, _ := c.has(v1Of("m"))
	if info := c.info(v); info.Snapshot != "tank/models/m/v1@bitnet-tool" || info.Digest.Version() != "aaaaaaaaaaaa" || !info.Current {
		t.Errorf("info %+v", info)
	}
}

func v1Of(name string) store.Ref { return store.Ref{Name: name, Version: "v1"} }
