package verify

func headerRules() []Check {
	return []Check{
		{
			"header.structure", Error, Header,
			"The file is a GGUF file whose tensors fill it without gaps.",
			"It was cut off, lacks a part, has something behind its end, or was written by a broken program. Loaders refuse it, or read weights from the wrong place.",
			"Download or make the file again; the message has the offset.", checkStructure,
		},
		{
			"header.architecture", Error, Header,
			"The hyper-parameters are those of a model of a known architecture.",
			"A parameter is missing, contradicts another or is absurd, so no program can evaluate the model as it was trained.",
			"Make the file again from its checkpoint, or set the key.", checkArchitecture,
		},
		{
			"header.tensors", Error, Header,
			"Exactly the tensors of the architecture are there, in the right shapes and in types that can be read.",
			"A tensor was lost, has another shape than the metadata say, or belongs to another model. One that no architecture has would silently be left out.",
			"Make the file again from its checkpoint.", checkTensors,
		},
		{
			"header.tokenizer", Error, Header,
			"The vocabulary is whole and as large as the embedding.",
			"Tokens are missing or appear twice, an id points nowhere, or texts and embedding belong to different models.",
			"Take the vocabulary from the checkpoint's tokenizer.json.", checkTokenizer,
		},
		{
			"header.pre", Error, Header,
			"The file names its pre-tokenizer, and that is the one the vocabulary was made with.",
			"Without the key llama.cpp falls back to rules of its own and warns that quality will be degraded (microsoft/BitNet pull request 508); the published BitNet-b1.58-2B-4T file has none. A pre-tokenizer that cuts tokens of the vocabulary into pieces makes them unreachable.",
			"Set tokenizer.ggml.pre; Llama 3's and BitNet-b1.58-2B-4T's is llama-bpe.", checkPre,
		},
		{
			"header.merges", Error, Header,
			"The merges make the tokens, and in their order.",
			"Byte-level BPE reaches a token only by merges. A list that is cut off, reversed or another model's gives tokens that the model has hardly seen; so does a list of tokens that was sorted or moved.",
			"Take both lists from the checkpoint's tokenizer.json.", checkMerges,
		},
		{
			"header.special", Error, Header,
			"BOS, EOS and end of turn are special tokens, and special tokens do not contain each other.",
			"With a wrong or missing end answers run on. A converter of 2024 put BOS in front of every special token (microsoft/BitNet issue 195): prompts then cannot contain them.",
			"Take the special tokens from the checkpoint's tokenizer_config.json.", checkSpecial,
		},
		{
			"header.bos", Warning, Header,
			"BOS is added where models with this pre-tokenizer expect it.",
			"Models that were trained on texts beginning with BOS answer worse without it.",
			"Remove tokenizer.ggml.add_bos_token or set it to true, unless config and tokenizer_config.json of the checkpoint say otherwise.", checkBOS,
		},
		{
			"header.roundtrip", Error, Header,
			"Texts in many scripts, broken UTF-8 among them, come back from the tokenizer as they went in.",
			"The vocabulary spells some bytes wrongly, so the model never sees what was written.",
			"Take the vocabulary from the checkpoint's tokenizer.json.", checkRoundTrip,
		},
		{
			"header.template", Warning, Header,
			"The chat template is not the placeholder of early conversions.",
			"The first GGUF files of BitNet-b1.58-2B-4T have a placeholder that makes the model answer as Human and BITNETAssistant without end (ikawrakow/ik_llama.cpp issue 339).",
			"Take the template of the model's tokenizer_config.json.", checkTemplate,
		},
		{
			"header.script", Error, Header,
			"The chat template has nothing that no template needs, and renders within narrow limits.",
			"A chat template is a program that comes with a model. Reaching for inner attributes, other files or loops without end is an attack; a template that does not render leaves the model without its prompt format.",
			"Do not run the file in a program that sets templates no limits. Take the template of the model's tokenizer_config.json.", checkScript,
		},
		{
			"header.label", Warning, Header,
			"general.file_type names the type that most weights have.",
			"Programs go by the tensors, people and download pages by the label. Converters have written F16 under the label of I2_S (microsoft/BitNet issue 621), and 40 and 41 have several meanings (pull request 620).",
			"Set general.file_type, or get the file that was meant.", checkLabel,
		},
		{
			"header.coarse", Warning, Header,
			"Ternary weights are in a type that keeps them.",
			"Q4_0 and Q5_0 make one of two signs 7/8 or 15/16 of the other, Q4_1 and Q5_1 do not keep zero: the file is larger than a ternary one and its model worse.",
			"Quantize to I2_S, TQ2_0 or Q8_0.", checkCoarse,
		},
		{
			"header.loaders", Info, Header,
			"Every program that this one knows can load the file.",
			"Architectures have several names and type numbers several meanings: a sound file may still be refused, or read as another type, by a program that is not made for it.",
			"Choose the program, or convert for the one you have.", checkLoaders,
		},
	}
}

func hashRules() []Check {
	return []Check{
		{
			"hash.digest", Error, Hash,
			"The file has the SHA-256 that is known for it: by the manifest of its store, or by its name in a Hugging Face cache.",
			"Bytes changed after the download, on the way to the disk or on it.",
			"Download it again; in a store, fsck --repair does.", checkDigest,
		},
		{
			"hash.changed", Error, Hash,
			"Each MiB of the file is what the manifest of its store says.",
			"Bytes changed after the version was stored: a disk, a cable or a memory module is at fault, or somebody wrote to the file.",
			"Repair it with fsck --repair, and look after the disk.", checkChanged,
		},
	}
}
