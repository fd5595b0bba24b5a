package main

import (
	goruntime "runtime"
	"syscall"
)

// peakRSS gives the most memory this process has had at once, in bytes.
func peakRSS() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	kib := int64(1024)
	if goruntime.GOOS == "darwin" {
		kib = 1 // bytes there, KiB elsewhere: getrusage(2)
	}
	return u.Maxrss * kib
}
