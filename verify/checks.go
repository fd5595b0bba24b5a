package verify

import "context"

// Check is one rule.
type Check struct {
	Name string // such as "content.scale"; never changes its meaning
	Doc  string // what it looks for, one sentence
	Cost Level  // the level it belongs to

	// Run gives what it saw, in the order of the file. If it cannot do its work
	// it says so to the Subject.
	Run func(ctx context.Context, s *Subject) []Finding
}

// Checks lists all rules in the order in which they run.
func Checks() []Check {
	return []Check{
		{"header.structure", "The file is a GGUF file whose tensors fill it without gaps.", Header, checkStructure},
		{"header.architecture", "The hyper-parameters are those of a model of a known architecture.", Header, checkArchitecture},
		{"header.tensors", "Exactly the tensors of the architecture are there, in the right shapes and in types that can be read.", Header, checkTensors},
		{"header.tokenizer", "The vocabulary is whole, as large as the embedding, and its pre-tokenizer is known.", Header, checkTokenizer},
		{"header.template", "The chat template is not the placeholder of early conversions.", Header, checkTemplate},
		{"header.label", "general.file_type names the type that most weights have.", Header, checkLabel},

		{"hash.digest", "The file has the SHA-256 that its name in a Hugging Face cache says.", Hash, checkDigest},

		{"content.code", "Ternary weights are -1, 0 or +1; the fourth code does not occur.", Content, checkCodes},
		{"content.finite", "No weight is NaN or infinite.", Content, checkFinite},
		{"content.scale", "Scales of ternary tensors are positive and of a usual size.", Content, checkScales},
		{"content.zeros", "No tensor is all zero, and ternary ones have a usual share of zeros.", Content, checkZeros},
		{"content.constant", "The weights of a matrix are not all the same.", Content, checkConstant},
		{"content.ternary", "The projections of a ternary model have no more than three values.", Content, checkTernary},

		{"lineage.metadata", "The hyper-parameters are those of config.json.", Lineage, checkMetadata},
		{"lineage.tokenizer", "The vocabulary is the checkpoint's.", Lineage, checkVocabulary},
		{"lineage.template", "The chat template is the checkpoint's.", Lineage, checkOwnTemplate},
		{"lineage.tensors", "The file has a tensor for each of the checkpoint, and no other.", Lineage, checkList},
		{"lineage.zeroed", "No tensor has become zero.", Lineage, checkZeroed},
		{"lineage.swapped", "No tensor holds the weights of another.", Lineage, checkSwapped},
		{"lineage.scale", "Scales are those that follow from the checkpoint.", Lineage, checkOwnScales},
		{"lineage.weights", "Weights are those that follow from the checkpoint.", Lineage, checkWeights},

		{"smoke.load", "The model can be loaded.", Smoke, checkLoad},
		{"smoke.finite", "No logit is NaN or infinite.", Smoke, checkLogits},
		{"smoke.constant", "Logits differ from token to token of the vocabulary.", Smoke, checkSpread},
		{"smoke.prompt", "Logits depend on the prompt.", Smoke, checkDependence},
		{"smoke.loop", "The model does not repeat one token for ever.", Smoke, checkLoop},
		{"smoke.sense", "The model predicts English better than guessing does.", Smoke, checkSense},
		{"smoke.time", "The evaluation was not cut short.", Smoke, checkTime},

		{"golden.model", "The baseline is of a model of this kind.", Golden, checkModel},
		{"golden.tokens", "Prompts have the tokens that they had.", Golden, checkTokens},
		{"golden.logits", "Logits are those of the baseline, within its tolerance.", Golden, checkGoldenLogits},
		{"golden.greedy", "The best tokens are those of the baseline where the choice is clear.", Golden, checkGreedy},
		{"golden.perplexity", "The baseline's text is predicted as well as it was.", Golden, checkPerplexity},
	}
}
