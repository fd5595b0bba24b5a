// Package synth makes checkpoints that look like published ones, down to the
// names, types, shards and tokenizers, but hold random weights: for tests,
// benchmarks and bug reports that need a model of a certain shape and not a
// model of a certain worth.
//
// Call [ParseShape] for the sizes and [New] for the plan of a checkpoint of one
// of the [Families], then [Checkpoint.Write]. The same shape, family and seed
// give the same bytes on every machine: values come out of tables that are
// filled with integers and single float32 products, so neither the order of the
// work nor a fused multiply-add can change them.
//
// Trits are close to even, with 31 to 38 % zeros, and every master tensor and
// every packed one has a scale of its own, of the size that published models of
// the family have. The models compute finite numbers and say nothing.
package synth

import "errors"

// ErrOption is wrapped by the error for a shape or family that cannot be made.
var ErrOption = errors.New("cannot make such a checkpoint")
