//go:build race

package main

// renderMemory is larger here: the race detector maps several bytes of its own
// for each byte of the heap, and all of them count.
const renderMemory = 4 << 30
