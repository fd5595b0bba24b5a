//go:build darwin || linux

package atomicfile

import "golang.org/x/sys/unix"

// freeSpace gives the bytes that the file system of a folder has left for us.
func freeSpace(dir string) (n int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true //nolint:unconvert // Bsize is an int64 on Linux only
}
