package kernels

// generic is plain Go, for every machine, and the specification of the others.
func generic() *Backend {
	return &Backend{
		Name:      "generic",
		Converter: converter(),
		Attention: attention(),
		Layer:     layer(),
		Ternary:   ternary(),
		Screen:    screen(),

		MulF32:  mulDecoded(DecodeF32, 1, 4),
		MulF16:  mulDecoded(DecodeF16, 1, 2),
		MulBF16: mulDecoded(DecodeBF16, 1, 2),
		MulQ8_0: mulDecoded(DecodeQ8_0, 32, 34),
		MulQ4_0: mulDecoded(DecodeQ4_0, 32, 18),
		MulQ4_K: mulDecoded(DecodeQ4_K, 256, 144),
		MulQ6_K: mulDecoded(DecodeQ6_K, 256, 210),

		DecodeQ8_0: DecodeQ8_0, DecodeQ4_0: DecodeQ4_0, DecodeQ4_K: DecodeQ4_K, DecodeQ6_K: DecodeQ6_K,
		Products: products,
	}
}
