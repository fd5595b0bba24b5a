package verify

func contentRules() []Check {
	return []Check{
		{
			"content.code", Error, Content,
			"Ternary weights are -1, 0 or +1; the fourth code does not occur.",
			"No program writes it, and programs read it differently: bitnet.cpp as 0, ik_llama.cpp as twice the scale. The bytes were damaged, or are not of this type.",
			"Download or make the file again.", checkCodes,
		},
		{
			"content.finite", Error, Content,
			"No weight is NaN or infinite.",
			"One such weight spoils every logit.",
			"Download or make the file again; if the checkpoint has it too, its training failed.", checkFinite,
		},
		{
			"content.scale", Error, Content,
			"Scales of ternary tensors are positive and of a usual size.",
			"Some checkpoints store the mean magnitude and some its inverse, and converters have mixed the two up (microsoft/BitNet pull request 616). A scale above 8 is more likely an inverse.",
			"Quantize again with the other --scale-mode.", checkScales,
		},
		{
			"content.outliers", Warning, Content,
			"Scales and gains are of one size over the layers.",
			"A tensor whose scale is many times that of its kind in other layers was scaled by mistake, or its scale is another tensor's.",
			"Compare with the checkpoint: --against.", checkOutliers,
		},
		{
			"content.alike", Error, Content,
			"Ternary matrices have scales of their own.",
			"Each scale is the mean magnitude of weights that were trained apart, so no two are equal. A converter that loses them leaves 1, or the first one, for all.",
			"Make the file again from its checkpoint.", checkAlike,
		},
		{
			"content.zeros", Error, Content,
			"No tensor is all zero, and ternary ones have a usual share of zeros.",
			"Absmean training leaves 0.3 to 0.6 of the weights zero. Whole tensors of zeros have been reported of uploads (microsoft/BitNet issue 608); embedding, output and the last norm may never be.",
			"Compare with the checkpoint: --against.", checkZeros,
		},
		{
			"content.pruned", Error, Content,
			"A matrix is not zero while those that it works with are not.",
			"If down is zero, gate and up get no gradient and die as well. A matrix that is zero by itself was lost.",
			"Download or make the file again.", checkPruned,
		},
		{
			"content.signs", Warning, Content,
			"Positive and negative trits are about as many.",
			"Trained weights are balanced. A lopsided tensor was packed with other codes than it is read with.",
			"Compare with the checkpoint: --against.", checkSigns,
		},
		{
			"content.runs", Error, Content,
			"Packed trits have no long run of one byte other than that of zeros.",
			"A thousand equal weights in a row are no chance: a page of the file was never written, or was overwritten.",
			"Download or make the file again.", checkRuns,
		},
		{
			"content.copies", Error, Content,
			"No two matrices hold the same weights.",
			"A converter wrote one tensor twice. An output matrix that is the embedding once more is superfluous, as in the first release of BitNet-b1.58-2B-4T (ikawrakow/ik_llama.cpp pull request 338).",
			"Make the file again from its checkpoint.", checkCopies,
		},
		{
			"content.constant", Error, Content,
			"The weights of a matrix are not all the same.",
			"Such a matrix tells its inputs apart no more.",
			"Download or make the file again.", checkConstant,
		},
		{
			"content.gains", Warning, Content,
			"Norms have the gains that were learnt.",
			"Gains of exactly 1 in one norm, while others have learnt some, were dropped by a converter that did not know the tensor's name.",
			"Make the file again from its checkpoint.", checkGains,
		},
		{
			"content.ternary", Error, Content,
			"The projections of a ternary model have no more than three values, up to what their type does to them.",
			"Master weights are not what a BitNet computes with; stored as they are they give a broken model (unslothai/unsloth issue 2390).",
			"Quantize the checkpoint, which ternarizes its masters.", checkTernary,
		},
	}
}
