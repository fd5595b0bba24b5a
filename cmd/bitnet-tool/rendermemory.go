//go:build !race

package main

// renderMemory bounds the writable memory of a template's process, in bytes.
const renderMemory = 256 << 20
