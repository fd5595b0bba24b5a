package zfsvm

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// build makes a static program for the machine by the go command's arguments,
// such as "build" and a package, and returns its path.
func build(t *testing.T, name string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	args = append([]string{args[0], "-ldflags=-s -w", "-o", file}, args[1:]...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	return file
}
