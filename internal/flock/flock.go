// Package flock locks open files with flock(2), as Python's filelock does;
// fcntl locks would not exclude it. The kernel frees a lock when its file is
// closed, so also when the process dies.
package flock

import "os"

// Try locks f for this open file alone. It is false if somebody else has the
// lock. The error is errors.ErrUnsupported where there are no such locks.
func Try(f *os.File) (bool, error) { return try(f) }
