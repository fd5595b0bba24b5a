//go:build !linux

package hfhub

import "os"

// writeBack does nothing: the system begins when it likes.
func writeBack(*os.File, int64, int64) {}
