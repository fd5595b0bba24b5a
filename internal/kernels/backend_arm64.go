package kernels

import "golang.org/x/sys/cpu"

// native gives the backends in assembly that this processor can run. HasASIMDDP
// is the extension with SDOT.
func native() []*Backend {
	switch x := &cpu.ARM64; {
	case !x.HasASIMD:
		return nil
	case !x.HasASIMDDP:
		return []*Backend{neon()}
	}
	return []*Backend{neon(), dotprod()}
}

// neon is what every processor of the kind can run. What has no kernel is plain
// Go.
func neon() *Backend {
	b := generic()
	b.Name = "neon"
	b.Converter = converterNEON()
	b.Ternary = Ternary{
		MulI2S:     mulI2SBy(mulI2SNEON),
		MulTQ2_0:   scaledBy(mulTQ2NEON, 256, 66, 64, mulTQ2),
		MulQ8:      scaledBy(mulQ8NEON, 32, 34, 0, mulQ8),
		PanelI2S:   packing{128, 32, codesI2S, false}.panelBy(unpackI2SNEON),
		PanelTQ2_0: packing{256, 66, codesTQ2, true}.panelBy(unpackTQ2NEON),
		PanelTQ1_0: packing{256, 54, codesTQ1, true}.panelBy(unpackTQ1NEON),
		MulPanel:   mulPanelBy(mulPanelNEON, mulPanel),
	}

	b.RMSNorm = rmsNorm(sumOf(squaresNEON, sumSquares), normalizeBy(normalizeNEON))
	b.QuantizeInt8 = quantizeInt8(absMaxBy(absMaxNEON), roundBy(quantizeNEON))
	b.ScaleSums = scaleSumsBy(scaleSumsNEON)
	b.Rotate = rotateBy(rotateNEON)
	b.ExpSum = expSum(scaleMaxBy(scaleMaxNEON), sumExpBy(expSumsNEON))
	b.SiLUMul = pairs(siluMulNEON, siluMul)
	b.ReLU2Mul = pairs(relu2MulNEON, relu2Mul)
	b.Add = pairs(addNEON, add)

	b.Attention = Attention{
		Scores: scoresBy(scoresF32NEON, 1), ScoresF16: scoresBy(scoresF16NEON, 2),
		Weigh: weighBy(weighF32NEON, 1, weigh), WeighF16: weighBy(weighF16NEON, 2, weighF16),
	}

	b.Screen = Screen{
		Narrow:         narrow(absMaxBy(absMaxNEON), narrowBy(narrowNEON)),
		EstimateNarrow: estimateBy(estimateNarrowNEON, 64, 64),
		EstimateQ8_0:   estimateBy(estimateQ8NEON, 32, 34),
		EstimateQ6_K:   estimateBy(estimateQ6KNEON, 256, 210),
	}

	b.MulF32 = floatRows(mulF32NEON, 16, 64, b.MulF32)
	b.MulF16 = floatRows(mulF16NEON, 16, 32, b.MulF16)
	b.MulBF16 = floatRows(mulBF16NEON, 16, 32, b.MulBF16)
	b.MulQ8_0 = floatRows(mulQ8_0NEON, 32, 34, b.MulQ8_0)
	b.MulQ4_0 = floatRows(mulQ4_0NEON, 32, 18, b.MulQ4_0)
	b.MulQ4_K = floatRows(mulQ4KNEON, 256, 144, b.MulQ4_K)
	b.MulQ6_K = floatRows(mulQ6KNEON, 256, 210, b.MulQ6_K)

	b.DecodeQ8_0 = decodeBy(decodeQ8_0NEON, 32, 34)
	b.DecodeQ4_0 = decodeBy(decodeQ4_0NEON, 32, 18)
	b.DecodeQ4_K = decodeBy(decodeQ4KNEON, 256, 144)
	b.DecodeQ6_K = decodeBy(decodeQ6KNEON, 256, 210)
	b.Products = productsBy(tileF32NEON, mulF32NEON)
	return b
}

// dotprod is neon with the products of int8 by SDOT.
func dotprod() *Backend {
	b := neon()
	b.Name = "dotprod"
	b.MulI2S = mulI2SBy(mulI2SDotProd)
	b.MulTQ2_0 = scaledBy(mulTQ2DotProd, 256, 66, 64, mulTQ2)
	b.MulQ8 = scaledBy(mulQ8DotProd, 32, 34, 0, mulQ8)
	b.MulPanel = mulPanelBy(mulPanelDotProd, mulPanel)
	b.EstimateNarrow = estimateBy(estimateNarrowDotProd, 64, 64)
	b.EstimateQ8_0 = estimateBy(estimateQ8DotProd, 32, 34)
	b.EstimateQ6_K = estimateBy(estimateQ6KDotProd, 256, 210)
	return b
}

// estimateBy takes a kernel for rows with blocks of blockLen weights in
// blockBytes. It needs but the halves of a token's integers: here int8 are
// multiplied with int8.
func estimateBy(kernel func(dst *float32, rows *byte, planes *int8, n, cols int), blockLen, blockBytes int) func(dst []float32, rows []byte, x *Fixed) {
	return func(dst []float32, rows []byte, x *Fixed) {
		if n, _, blocks := estimated(dst, rows, x, blockLen, blockBytes); blocks > 0 {
			kernel(&dst[0], &rows[0], &x.planes[0], n, blocks*blockLen)
		}
	}
}
