//go:build race

package main

// Both are larger here. The race detector sleeps for a second at the end of the
// process, and maps several bytes of its own for each byte of the heap, which
// all count.
const (
	renderSeconds = 8
	renderMemory  = 4 << 30
)
