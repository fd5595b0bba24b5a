// Package quant says what each tensor encoding of a GGUF file means: how many
// weights a block holds, how many bytes it takes, and how blocks are encoded
// and decoded.
//
// Start with [Lookup] (by [Type]) or [ByName] ("I2_S"); both give a [Codec].
// [Codec.Size] is the only place in the module that knows how many bytes a
// tensor takes. A codec without Encode can only be read; one without Decode is
// known by name and size only.
//
// The numbers that GGUF files use for types are not here: one number has
// several meanings in the wild, so package gguf owns that mapping.
//
// Encoders are bit-identical to the reference C quantizers of ggml
// (src/ggml-quants.c, d99724f2) compiled without contraction of a*b+c, and use no
// importance matrix. Products that feed a sum are therefore written
// float32(a*b) + c: Go too may contract them, even across statements.
package quant
