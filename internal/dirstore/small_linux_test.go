package dirstore

import (
	"fmt"
	"os"
	"testing"

	"github.com/akadata/bitnet-tool/internal/store"
	"golang.org/x/sys/unix"
)

// smallStore is a store on a file system of its own, which only root can
// mount.
func smallStore(t *testing.T, free int64) store.Store {
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", free)); err != nil {
		t.Skip("no file system can be mounted: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return open(t, dir)
}
