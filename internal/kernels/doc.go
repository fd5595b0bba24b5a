// Package kernels holds the loops in which a model spends its time, over slices
// of bytes and numbers. It knows neither tensors nor files.
//
// Begin with [Default], which gives the fastest [Backend] this machine can run;
// [Lookup] gives one by its name. A backend is a set of functions: those of
// [Ternary] multiply codes with the int8 activations that QuantizeInt8 of
// [Layer] makes, MulF16 and its like multiply rows of other formats with float32,
// [Attention] compares queries with keys, [Layer] has what is between the
// matrices, [Screen] estimates products, and [Converter] turns weights into other
// encodings.
//
// Plain Go is the specification, and all backends give the same numbers to the
// bit. Sums of integers are exact. Sums of floating point numbers have one
// order, that of [DotF32]; products that feed a sum are written
// float32(a*b) + c and are not fused. Attention, which no memory slows down in a
// long prompt, is the exception: there all products are fused, and plain Go does
// with a function what the others do with an instruction.
//
// No kernel panics on the contents of its inputs: code 3 of a ternary format
// has a defined meaning, NaN and Inf travel on. Lengths that do not belong
// together are the caller's mistake.
//
// The assembly for amd64 and arm64 is written by the generators in _asm; go
// generate runs them.
package kernels
