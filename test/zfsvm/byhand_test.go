package zfsvm

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestByHand runs what ZFSVM_RUN says; see the package comment.
func TestByHand(t *testing.T) {
	script := os.Getenv("ZFSVM_RUN")
	if script == "" {
		t.Skip("ZFSVM_RUN is not set: it is for commands by hand")
	}
	t.Setenv("BITNET_TOOL_ZFSVM", "1")
	m := setUp(t)
	disk := filepath.Join(t.TempDir(), "disk.img")
	newDisk(t, disk, 1<<30)
	m.run(t, boot{Script: script, Disks: []string{disk}, Files: program(t), Timeout: 10 * time.Minute})
}
