package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a reader may take for a file that it refuses. Time is that of the
// processor, so that a busy machine does not count.
const (
	maxMemory = 64 << 20
	maxTime   = 2 * time.Second
)

// TestRefused lets the command line read every case in a process of its own.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(dir, "bitnet-tool")
	if out, err := exec.Command("go", "build", "-o", tool, "../../cmd/bitnet-tool").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files := filepath.Join(dir, "corpus")
	if _, err := write(files); err != nil {
		t.Fatal(err)
	}
	call := func(path string) *exec.Cmd {
		if strings.HasSuffix(path, ".gguf") {
			return exec.Command(tool, "verify", path, "--level", "content", "--json")
		}
		return exec.Command(tool, "quantize", path, "-o", filepath.Join(dir, "out.gguf"), "--type", "I2_S", "--dry-run", "--json")
	}
	if out, err := call(filepath.Join(files, "good")).Output(); err != nil {
		t.Fatalf("the folder without a fault: %v: %s", err, out)
	}
	for _, h := range corpus() {
		t.Run(h.name, func(t *testing.T) {
			cmd := call(filepath.Join(files, h.name))
			var out bytes.Buffer
			cmd.Stdout = &out
			cmd.Run() // the answer says more
			var answer struct {
				Exit  struct{ ID string }
				Error struct{ Message string }
			}
			if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
				t.Fatalf("%v, in %q, %v", err, out.String(), cmd.ProcessState)
			}
			if id := answer.Exit.ID; id != "bad-artifact" && id != "unsupported" && id != "not-found" && id != "refused" {
				t.Errorf("ends with %q: %s", id, answer.Error.Message)
			}
			if !strings.Contains(answer.Error.Message, h.want) {
				t.Errorf("says %q, without %q", answer.Error.Message, h.want)
			}
			usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			if !ok {
				t.Fatal("no resource usage")
			}
			took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			if rss := usage.Maxrss << 10; rss > maxMemory || took > maxTime {
				t.Errorf("takes %d MiB and %v", rss>>20, took)
			}
		})
	}
}
