//go:build !unix

package kernels_test

import "testing"

// fence gives n bytes; reading beyond them goes unnoticed here.
func fence(_ testing.TB, n int) []byte { return make([]byte, n) }
