// Package testmodel gives tests of the engine a second opinion: small random
// models and a plain evaluation in float64. It is imported by tests only.
//
// [Random] makes a model, [Copy] takes one from a file; either is a [File]
// whose metadata and tensors the test may change before [File.Open] or
// [File.Write] make a GGUF of it. [Load] reads the weights of a GGUF into a
// [Reference], which computes logits from the formulas, with nothing in common
// with package runtime.
package testmodel
