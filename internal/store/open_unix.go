//go:build unix

package store

import "golang.org/x/sys/unix"

// nonblock keeps the opening of a FIFO or device from waiting for its other
// end.
const nonblock = unix.O_NONBLOCK
