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
		Screen:    screenAVX2(),

		MulF32:  floatRows(mulF32AVX2, 16, 64, g.MulF32),
		MulF16:  floatRows(mulF16AVX2, 16, 32, g.MulF16),
		MulBF16: floatRows(mulBF16AVX2, 16, 32, g.MulBF16),
		MulQ8_0: floatRows(mulQ8_0AVX2, 32, 34, g.MulQ8_0),
		MulQ4_0: floatRows(mulQ4_0AVX2, 32, 18, g.MulQ4_0),
		MulQ4_K: floatRows(mulQ4KAVX2, 256, 144, g.MulQ4_K),
		MulQ6_K: floatRows(mulQ6KAVX2, 256, 210, g.MulQ6_K),

		DecodeQ8_0: decodeBy(decodeQ8_0AVX2, 32, 34),
		DecodeQ4_0: decodeBy(decodeQ4_0AVX2, 32, 18),
		DecodeQ4_K: decodeBy(decodeQ4KAVX2, 256, 144),
		DecodeQ6_K: decodeBy(decodeQ6KAVX2, 256, 210),
		Products:   productsBy(tileF32AVX2, mulF32AVX2),
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
		Screen:    screenAVX512(),

		MulF32:  floatRows(mulF32AVX512, 16, 64, g.MulF32),
		MulF16:  floatRows(mulF16AVX512, 16, 32, g.MulF16),
		MulBF16: floatRows(mulBF16AVX512, 16, 32, g.MulBF16),
		MulQ8_0: floatRows(mulQ8_0AVX512, 32, 34, g.MulQ8_0),
		MulQ4_0: floatRows(mulQ4_0AVX512, 32, 18, g.MulQ4_0),
		MulQ4_K: floatRows(mulQ4KAVX512, 256, 144, g.MulQ4_K),
		MulQ6_K: floatRows(mulQ6KAVX512, 256, 210, g.MulQ6_K),

		DecodeQ8_0: decodeBy(decodeQ8_0AVX512, 32, 34),
		DecodeQ4_0: decodeBy(decodeQ4_0AVX512, 32, 18),
		DecodeQ4_K: decodeBy(decodeQ4KAVX512, 256, 144),
		DecodeQ6_K: decodeBy(decodeQ6KAVX512, 256, 210),
		Products:   productsBy(tileF32AVX512, mulF32AVX512),
	}
}

func ternaryAVX2() Ternary {
	g := ternary()
	return Ternary{
		MulI2S:     mulI2SBy(mulI2SAVX2),
		MulTQ2_0:   scaledBy(mulTQ2AVX2, 256, 66, 64, mulTQ2),
		MulQ8:      scaledBy(mulQ8AVX2, 32, 34, 0, mulQ8),
		PanelI2S:   packing{128, 32, codesI2S, false}.panelBy(unpackI2SAVX2),
		PanelTQ2_0: packing{256, 66, codesTQ2, true}.panelBy(unpackTQ2AVX2),
		PanelTQ1_0: packing{256, 54, codesTQ1, true}.panelBy(unpackTQ1AVX2),
		MulPanel:   mulPanelBy(mulPanelAVX2, g.MulPanel),
	}
}

func ternaryAVX512() Ternary {
	g := ternary()
	return Ternary{
		MulI2S:     mulI2SBy(mulI2SAVX512),
		MulTQ2_0:   scaledBy(mulTQ2AVX512, 256, 66, 64, mulTQ2),
		MulQ8:      scaledBy(mulQ8AVX512, 32, 34, 0, mulQ8),
		PanelI2S:   packing{128, 32, codesI2S, false}.panelBy(unpackI2SAVX512),
		PanelTQ2_0: packing{256, 66, codesTQ2, true}.panelBy(unpackTQ2AVX512),
		PanelTQ1_0: packing{256, 54, codesTQ1, true}.panelBy(unpackTQ1AVX512),
		MulPanel:   mulPanelBy(mulPanelAVX512, g.MulPanel),
	}
}

func attentionAVX2() Attention {
	return Attention{
		Scores: scoresBy(scoresF32AVX2, 1), ScoresF16: scoresBy(scoresF16AVX2, 2),
		Weigh: weighBy(weighF32AVX2, 1, weigh), WeighF16: weighBy(weighF16AVX2, 2, weighF16),
	}
}

func attentionAVX512() Attention {
	return Attention{
		Scores: scoresBy(scoresF32AVX512, 1), ScoresF16: scoresBy(scoresF16AVX512, 2),
		Weigh: weighBy(weighF32AVX512, 1, weigh), WeighF16: weighBy(weighF16AVX512, 2, weighF16),
	}
}

func layerAVX2() Layer {
	return Layer{
		RMSNorm:      rmsNorm(sumOf(squaresAVX2, sumSquares), normalizeBy(normalizeAVX2)),
		QuantizeInt8: quantizeInt8(absMaxBy(absMaxAVX2), roundBy(quantizeAVX2)),
		ScaleSums:    scaleSumsBy(scaleSumsAVX2),
		Rotate:       rotateBy(rotateAVX2),
		ExpSum:       expSum(scaleMaxBy(scaleMaxAVX2), sumExpBy(expSumsAVX2)),
		SiLUMul:      pairs(siluMulAVX2, siluMul),
		ReLU2Mul:     pairs(relu2MulAVX2, relu2Mul),
		Add:          pairs(addAVX2, add),
		Scale:        scale,
	}
}

func layerAVX512() Layer {
	return Layer{
		RMSNorm:      rmsNorm(sumOf(squaresAVX512, sumSquares), normalizeBy(normalizeAVX512)),
		QuantizeInt8: quantizeInt8(absMaxBy(absMaxAVX512), roundBy(quantizeAVX512)),
		ScaleSums:    scaleSumsBy(scaleSumsAVX512),
		Rotate:       rotateBy(rotateAVX512),
		ExpSum:       expSum(scaleMaxBy(scaleMaxAVX512), sumExpBy(expSumsAVX512)),
		SiLUMul:      pairs(siluMulAVX512, siluMul),
		ReLU2Mul:     pairs(relu2MulAVX512, relu2Mul),
		Add:          pairs(addAVX512, add),
		Scale:        scale,
	}
}
