package verify

func lineageRules() []Check {
	const again = "Make the file again from its checkpoint."
	return []Check{
		{
			"lineage.metadata", Error, Lineage,
			"The hyper-parameters are those of config.json.",
			"Programs compute with what the file says. An absent key counts as what programs take for it.",
			again, checkMetadata,
		},
		{
			"lineage.tokenizer", Error, Lineage,
			"The vocabulary is the checkpoint's.",
			"Another token, merge, pre-tokenizer or special id makes other tokens of the same text.",
			again, checkVocabulary,
		},
		{
			"lineage.template", Warning, Lineage,
			"The chat template is the checkpoint's.",
			"Models follow the prompt format that they were tuned with.",
			again, checkOwnTemplate,
		},
		{
			"lineage.tensors", Error, Lineage,
			"The file has a tensor for each of the checkpoint, and no other.",
			"Something was left out or added.",
			again, checkList,
		},
		{
			"lineage.zeroed", Error, Lineage,
			"No tensor has become zero.",
			"Its bytes were never written.",
			again, checkZeroed,
		},
		{
			"lineage.swapped", Error, Lineage,
			"No tensor holds the weights of another.",
			"A converter mapped a name wrongly.",
			again, checkSwapped,
		},
		{
			"lineage.scale", Error, Lineage,
			"Scales are those that follow from the checkpoint.",
			"A scale may be the neighbouring float32 number, as some converters store a mean and some the inverse of its inverse. Masters and packed weights differ by rounding to BF16, at most 0.4 %.",
			again, checkOwnScales,
		},
		{
			"lineage.weights", Error, Lineage,
			"Weights are those that follow from the checkpoint.",
			"Producers that compute in BF16 round weights near half the mean to the other side, up to one in two hundred: that is told, and is no error. Anything else is.",
			again, checkWeights,
		},
	}
}

func goldenRules() []Check {
	const changed = "If the change was meant, take a new baseline; else compare with the checkpoint: --against."
	return []Check{
		{
			"golden.model", Error, Golden,
			"The baseline is of a model of this kind.",
			"Answers of models with other vocabularies cannot be compared.",
			"Take the baseline of this model.", checkModel,
		},
		{
			"golden.tokens", Error, Golden,
			"Prompts have the tokens that they had.",
			"The vocabulary, its merges or its pre-tokenizer changed.",
			changed, checkTokens,
		},
		{
			"golden.logits", Error, Golden,
			"Logits are those of the baseline, within its tolerance.",
			"Weights or parameters changed. The tolerance covers what summing in another order does.",
			changed, checkGoldenLogits,
		},
		{
			"golden.greedy", Error, Golden,
			"The best tokens are those of the baseline where the choice is clear.",
			"The model answers otherwise than it did.",
			changed, checkGreedy,
		},
		{
			"golden.perplexity", Error, Golden,
			"The baseline's text is predicted as well as it was.",
			"The model became worse, or better, than when the baseline was taken.",
			changed, checkPerplexity,
		},
	}
}
