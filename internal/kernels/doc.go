// Package kernels holds the loops in which a model spends its time, over slices
// of bytes and numbers. It knows neither tensors nor files.
//
// The matrix kernels come in two kinds. Dot… multiplies one packed row of a
// matrix, read as it is in the file, with the int8 activations of any number of
// tokens; sums of integers are exact, so they do not depend on any order.
// Decode… turns a row into float32 for [DotF32], whose order of summation is
// fixed. [QuantizeInt8] makes the int8 activations. The rest is what a layer
// does between its matrices: [RMSNorm], rotation, attention, gating.
//
// Plain Go is the specification: an assembly version of an integer kernel gives
// the same numbers. Products that feed a sum are written float32(a*b) + c, so
// that no compiler fuses them and all machines agree.
//
// No kernel panics on the contents of its inputs: code 3 of a ternary format
// has a defined meaning, NaN and Inf travel on. Lengths that do not belong
// together are the caller's mistake.
package kernels
