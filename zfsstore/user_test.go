package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

// TestUser does what a user without rights can and cannot.
func TestUser(t *testing.T) {
	p := newPool(t, 256<<20)
	s := p.store(t, "models")
	storetest.Put(t, s, v1, files)
	storetest.Put(t, s, v2, other)

	for _, tt := range []struct{ action, want string }{
		{"put", "store cannot be used: on Linux only root"},
		{"remove", "store cannot be used: on Linux only root"},
		{"clean", "store cannot be used: on Linux only root"},
		{"list", "2 versions"},
		{"use", "store cannot be used: zfs set"},
	} {
		if got := asUser(t, s.dataset, tt.action); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.action, got, tt.want)
		}
	}
	command(t, "zfs", "allow", "user", "userprop", s.dataset)
	if got := asUser(t, s.dataset, "use"); got != "true" {
		t.Errorf("use, allowed: %q", got)
	}
	if ref, err := s.Current(t.Context(), "model"); err != nil || ref != v1 {
		t.Errorf("current is %v, %v", ref, err)
	}
}

const userAction = "BITNET_TOOL_ZFS_TEST_ACTION"

// asUser does something in a process of the user 1000.
func asUser(t *testing.T, dataset, action string) string {
	t.Helper()
	// The test binary may lie where that user cannot go.
	dir, err := os.MkdirTemp("/tmp", "zfsstore")
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.Chmod(dir, 0o755))
	self, err := os.Executable()
	must(t, err)
	b, err := os.ReadFile(self)
	must(t, err)
	program := filepath.Join(dir, "test")
	must(t, os.WriteFile(program, b, 0o755))
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), userAction+"="+action+" "+dataset)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", action, err, out)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// TestMain is also the beginning of the process that [asUser] starts.
func TestMain(m *testing.M) {
	action, dataset, ok := strings.Cut(os.Getenv(userAction), " ")
	if !ok {
		os.Exit(m.Run())
	}
	fmt.Println(act(context.Background(), action, dataset))
}

// act does what a user asks for and returns the answer or the error.
func act(ctx context.Context, action, dataset string) any {
	s, err := Open(ctx, dataset)
	if err != nil {
		return err
	}
	switch action {
	case "put":
		_, err = s.Begin(ctx, v1, 0)
	case "remove":
		err = s.Remove(ctx, v1)
	case "clean":
		err = s.Clean(ctx)
	case "use":
		changed, err := s.Use(ctx, v1)
		if err != nil {
			return err
		}
		return changed
	case "list":
		n := 0
		for _, listErr := range s.List(ctx) {
			n++
			err = errors.Join(err, listErr)
		}
		if err == nil {
			return fmt.Sprint(n, " versions")
		}
	}
	return err
}
