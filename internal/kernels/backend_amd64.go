package kernels

import "golang.org/x/sys/cpu"

// native gives the backends in assembly that this processor can run.
//
// Go's assembler knows VPDPBUSD in its EVEX form only, so a processor with
// AVX-VNNI but without AVX-512 takes the AVX2 kernels. F16C widens half
// floats, FMA sums products that are exact.
func native() []*Backend {
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasF16C || !x.HasFMA {
		return nil
	}
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL || !x.HasAVX512VNNI {
		return []*Backend{avx2()}
	}
	return []*Backend{avx2(), avx512()}
}

func avx2() *Backend {
	g := generic()
	return &Backend{
		Name:      "avx2",
		Converter: converterAVX2(),
		Attention: attentionAVX2(),
		Layer:     layerAVX2(),
		Ternary:   ternaryAVX2(),

		DotsF32: dotsBy(mulF32AVX2),
		MulF32:  floatRows(mulF32AVX2, 16, 64, g.MulF32),
		MulF16:  floatRows(mulF16AVX2, 16, 32, g.MulF16),
		MulBF16: floatRows(mulBF16AVX2, 16, 32, g.MulBF16),
		MulQ8_0: floatRows(mulQ8_0AVX2, 32, 34, g.MulQ8_0),
		MulQ4_0: floatRows(mulQ4_0AVX2, 32, 18, g.MulQ4_0),
		MulQ4_K: floatRows(mulQ4KAVX2, 256, 144, g.MulQ4_K),
		MulQ6_K: floatRows(mulQ6KAVX2, 256, 210, g.MulQ6_K),
	}
}

func avx512() *Backend {
	g := generic()
	return &Backend{
		Name:      "avx512",
		Converter: converterAVX2(),
		Attention: attentionAVX512(),
		Layer:     layerAVX512(),
		Ternary:   ternaryAVX512(),

		DotsF32: dotsBy(mulF32AVX512),
		MulF32:  floatRows(mulF32AVX512, 16, 64, g.MulF32),
		MulF16:  floatRows(mulF16AVX512, 16, 32, g.MulF16),
		MulBF16: floatRows(mulBF16AVX512, 16, 32, g.MulBF16),
		MulQ8_0: floatRows(mulQ8_0AVX512, 32, 34, g.MulQ8_0),
		MulQ4_0: floatRows(mulQ4_0AVX512, 32, 18, g.MulQ4_0),
		MulQ4_K: floatRows(mulQ4KAVX512, 256, 144, g.MulQ4_K),
		MulQ6_K: floatRows(mulQ6KAVX512, 256, 210, g.MulQ6_K),
	}
}
