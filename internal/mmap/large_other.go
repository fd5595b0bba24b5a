//go:build !linux

package mmap

// PreferLarge does nothing on this system.
func PreferLarge[T byte | float32]([]T) {}
