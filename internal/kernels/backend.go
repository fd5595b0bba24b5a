package kernels

import (
	"errors"
	"fmt"
	"strings"
)

// Backend is one set of kernels. All backends compute the same numbers, to the
// bit; the function in generic.go is the specification of each.
//
// Slices must have the lengths that belong together: a backend may reach
// beyond those that do not.
type Backend struct {
	Name string

	Converter
	Attention
	Layer
	Ternary
	Screen

	// These multiply rows of a matrix, as they are in the file, with one token
	// of float32 activations: dst[r] is [DotF32] of decoded row r and x.
	MulF32, MulF16, MulBF16, MulQ8_0, MulQ4_0, MulQ4_K, MulQ6_K func(dst []float32, rows []byte, x []float32)

	// These decode len(dst) weights, whole blocks.
	DecodeQ8_0, DecodeQ4_0, DecodeQ4_K, DecodeQ6_K func(dst []float32, src []byte)

	// Products multiplies rows with tokens x, both of cols numbers: dst[stride·t+r]
	// is [DotF32] of row r and token t.
	Products func(dst []float32, stride int, rows, x []float32, cols int)
}

// ErrBackend reports a backend that does not exist or that this machine cannot
// run.
var ErrBackend = errors.New("no such kernels")

// Available gives the backends that this machine can run, the plain Go one
// first and the fastest last.
func Available() []*Backend {
	return append([]*Backend{generic()}, native()...)
}

// Default gives the fastest backend that this machine can run.
func Default() *Backend {
	all := Available()
	return all[len(all)-1]
}

// Lookup gives the backend with the given name. The error wraps [ErrBackend]
// and says which names there are.
func Lookup(name string) (*Backend, error) {
	var names []string
	for _, b := range Available() {
		if b.Name == name {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return nil, fmt.Errorf("%w: %q, this machine has %s", ErrBackend, name, strings.Join(names, ", "))
}
