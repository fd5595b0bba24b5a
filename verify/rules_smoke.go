package verify

func smokeRules() []Check {
	const compare = "Compare with the checkpoint: --against; that names the tensor."
	return []Check{
		{
			"smoke.load", Error, Smoke,
			"The model can be loaded.",
			"What the metadata promise is not there.",
			"The message names the tensor or key.", checkLoad,
		},
		{
			"smoke.finite", Error, Smoke,
			"All numbers of an evaluation are finite.",
			"The first tensor after which one is not is named: look there, not at the logits.",
			compare, checkLogits,
		},
		{
			"smoke.constant", Error, Smoke,
			"Logits differ from token to token of the vocabulary.",
			"The last norm or the output matrix is lost.",
			compare, checkSpread,
		},
		{
			"smoke.prompt", Error, Smoke,
			"Logits depend on the prompt.",
			"Attention does not reach other positions: its weights are lost.",
			compare, checkDependence,
		},
		{
			"smoke.loop", Error, Smoke,
			"The model does not repeat one token for ever.",
			"GGGGGG after every prompt is the mark of weights that are read in another layout than they were written in (microsoft/BitNet issues 195, 411, 470). After some prompts good models repeat themselves too.",
			compare, checkLoop,
		},
		{
			"smoke.trained", Info, Smoke,
			"The model was trained.",
			"Random weights predict nothing, and that is no fault of the file: whether it works cannot be judged.",
			"Stop at --level content, or compare with the checkpoint: --against.", checkTrained,
		},
		{
			"smoke.sense", Error, Smoke,
			"The model predicts English better than guessing does.",
			"It has learnt nothing, or its weights were scrambled.",
			compare, checkSense,
		},
		{
			"smoke.order", Error, Smoke,
			"The order of words matters to the model.",
			"Good models are surprised by shuffled words, by several nats a token more than by a text. One that is not has lost what it knew.",
			compare, checkOrder,
		},
		{
			"smoke.calibration", Error, Smoke,
			"The model is as sure of a text as it is right about it.",
			"Training with a log loss makes the expected surprise equal to the real one, in small models as in large. Wrong weights, or a wrong parameter, make the model wrong and leave it sure.",
			compare, checkCalibration,
		},
		{
			"smoke.frequency", Error, Smoke,
			"The model does not expect one token everywhere.",
			"Its logits are ruled by something other than the text.",
			compare, checkFrequency,
		},
		{
			"smoke.reading", Error, Smoke,
			"No other reading of the file makes more sense.",
			"When a model makes little sense, known mistakes are undone one after the other: I2_S in another layout, heads in another order, another activation or rope base, layers moved by one, inverse scales, another pre-tokenizer, a vocabulary that was moved, one half of a layer left out. If the text surprises the model clearly less, that is what is wrong.",
			"The message says what to do.", checkReading,
		},
		{
			"smoke.time", Warning, Smoke,
			"The evaluation was not cut short.",
			"What was not evaluated was not judged.",
			"Give more seconds: --max-seconds.", checkTime,
		},
	}
}

func engineRules() []Check {
	return []Check{{
		"engine.text", Error, Engine,
		"The other program continues a prompt as this one does.",
		"The file is good, and the program that was given computes something else: it knows another activation, another layout or another tokenizer, or its kernels are broken on this machine.",
		"Update or rebuild that program; the message has both texts.", checkEngine,
	}}
}
