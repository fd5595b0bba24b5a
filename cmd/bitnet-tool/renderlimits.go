//go:build !race

package main

// What a template's process may take: time, by the clock and of the processor,
// and writable memory, in bytes.
const (
	renderSeconds = 2
	renderMemory  = 256 << 20
)
