package verify

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/akadata/bitnet-tool/internal/token"
)

// Keys of the vocabulary.
const (
	tokensKey = "tokenizer.ggml.tokens"
	mergesKey = "tokenizer.ggml.merges"
	preKey    = "tokenizer.ggml.pre"
	kindsKey  = "tokenizer.ggml.token_type"
	scoresKey = "tokenizer.ggml.scores"
	addBOSKey = "tokenizer.ggml.add_bos_token"

	addSpaceKey = "tokenizer.ggml.add_space_prefix"
)

// byteLevel reports whether the vocabulary is known and of byte-level BPE, which
// gives every text back as it was; SentencePiece need not.
func (s *Subject) byteLevel() bool { return s.vocab != nil && s.vocab.Model == "gpt2" }

// checkPre holds the pre-tokenizer against the vocabulary: BPE makes tokens
// inside the pieces that its pre-tokenizer cut, so the right one cuts none.
func checkPre(_ context.Context, s *Subject) []Finding {
	if s.vocab == nil || s.vocab.Model != "gpt2" { // SentencePiece has no pre-tokenizer
		return nil
	}
	if !s.has(preKey) {
		f := finding(Warning, "is not there; programs then use rules of their own and may cut text otherwise than in training").about(preKey)
		f.fault = Tokenizer
		return []Finding{f}
	}
	texts := s.pieces(2000)
	own, err := token.Cuts(s.vocab.Pre, texts)
	if err != nil || len(texts) == 0 {
		return nil
	}
	const tolerated = 200 // one token in so many may be cut, for those added by hand
	best, name := own, ""
	for _, pre := range token.Pretokenizers() {
		if n, err := token.Cuts(pre, texts); err == nil && n < best {
			best, name = n, pre
		}
	}
	if own*tolerated <= len(texts) || best*4 > own {
		return nil
	}
	return []Finding{finding(Error, "%q cuts %d of %d tokens of the vocabulary, so it is not what they were made with; %q cuts %d",
		s.vocab.Pre, own, len(texts), name, best).about(preKey)}
}

// pieces gives the texts of at most n normal tokens, spread over the vocabulary.
func (s *Subject) pieces(n int) []string {
	var texts []string
	step := max(len(s.vocab.Tokens)/n, 1)
	for i := 0; i < len(s.vocab.Tokens); i += step {
		if k := s.vocab.Kinds[i]; k != token.Normal {
			continue
		}
		if t, ok := token.Spelled(s.vocab.Tokens[i]); ok && utf8.ValidString(t) {
			texts = append(texts, t)
		}
	}
	return texts
}

// checkMerges compares merges and tokens. A trained vocabulary numbers its
// tokens in the order in which merges made them.
func checkMerges(_ context.Context, s *Subject) []Finding {
	if !s.byteLevel() || len(s.vocab.Merges) == 0 {
		return nil
	}
	made := make([]bool, len(s.vocab.Tokens))
	before, falls := int32(-1), 0
	for _, id := range s.words.Merged() {
		made[id] = true
		if id < before {
			falls++
		}
		before = id
	}
	var fs []Finding
	if n := len(s.vocab.Merges); falls*4 > n {
		f := finding(Warning, "do not follow the order of the tokens they make: %d of %d go back; one of the two lists may be in the wrong order", falls, n).about(mergesKey)
		f.fault = Tokenizer
		fs = append(fs, f)
	}
	unmade, of := 0, 0
	for i, t := range s.vocab.Tokens {
		if s.vocab.Kinds[i] == token.Normal && utf8.RuneCountInString(t) > 1 {
			of++
			if !made[i] {
				unmade++
			}
		}
	}
	switch {
	case unmade*10 > of:
		fs = append(fs, finding(Error, "make only %d of %d tokens: the list is cut off, or of another vocabulary", of-unmade, of).about(mergesKey))
	case unmade*50 > of:
		fs = append(fs, finding(Warning, "make only %d of %d tokens", of-unmade, of).about(mergesKey))
	}
	return fs
}

// checkSpecial looks at the tokens that steer the model.
func checkSpecial(_ context.Context, s *Subject) []Finding {
	if s.vocab == nil {
		return nil
	}
	v := s.vocab
	var fs []Finding
	if !s.has(kindsKey) {
		f := finding(Warning, "is not there, so special tokens in prompts are taken as text").about(kindsKey)
		f.fault = Tokenizer
		return []Finding{f}
	}
	for _, r := range []struct {
		name string
		id   int32
	}{{"bos", v.BOS}, {"eos", v.EOS}, {"eot", v.EOT}} {
		if r.id >= 0 && v.Kinds[r.id] == token.Normal {
			fs = append(fs, finding(Error, "is %d, %.40q, which is a piece of ordinary text", r.id, v.Tokens[r.id]).
				about("tokenizer.ggml."+r.name+"_token_id"))
		}
	}
	if f, ok := s.nested(); ok {
		fs = append(fs, f)
	}
	switch {
	case v.EOS < 0 && v.EOT < 0:
		fs = append(fs, finding(Error, "is not there, nor is an end of turn: answers cannot end").about("tokenizer.ggml.eos_token_id"))
	case !s.has("tokenizer.ggml.eos_token_id"):
		f := finding(Warning, "is not there: programs that know no end of turn let answers run on").about("tokenizer.ggml.eos_token_id")
		f.fault = Tokenizer
		fs = append(fs, f)
	case v.Kinds[v.EOS] != token.Normal && v.EOS == v.BOS && !slices.Contains(ends, v.Tokens[v.EOS]) && s.otherEnd():
		fs = append(fs, finding(Warning, "is the BOS token %.40q, though there are tokens that end a text", v.Tokens[v.EOS]).about("tokenizer.ggml.eos_token_id"))
	}
	return fs
}

// ends are the texts of tokens that end a text or a turn in published models.
var ends = []string{"<|end_of_text|>", "</s>", "<|endoftext|>", "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<eos>"}

// otherEnd reports whether the vocabulary has a token that ends a text.
func (s *Subject) otherEnd() bool {
	return slices.ContainsFunc(s.vocab.Tokens, func(t string) bool { return slices.Contains(ends, t) })
}

// nested finds control tokens that contain another, as a converter wrote them
// that encoded added tokens with a BOS in front (microsoft/BitNet issue 195,
// mended in 85a507c6).
func (s *Subject) nested() (Finding, bool) {
	var control []string
	for i, t := range s.vocab.Tokens {
		if s.vocab.Kinds[i] == token.Control && len(t) > 2 {
			control = append(control, t)
		}
	}
	bos := ""
	if s.vocab.BOS >= 0 {
		bos = s.vocab.Tokens[s.vocab.BOS]
	}
	bad, example := 0, ""
	for _, t := range control {
		if t != bos && bos != "" && strings.HasPrefix(t, bos) {
			bad, example = bad+1, t
		}
	}
	if bad == 0 {
		return Finding{}, false
	}
	severity := Warning
	if 2*bad > len(control) {
		severity = Error
	}
	f := finding(severity, "%d of %d control tokens begin with the BOS token, such as %.60q: prompts cannot contain them", bad, len(control), example).about(tokensKey)
	f.fault = Tokenizer
	return f, true
}

// checkBOS compares what the file says about BOS with what is usual for its
// pre-tokenizer, unless the checkpoint is there and says so too.
func checkBOS(_ context.Context, s *Subject) []Finding {
	if !s.byteLevel() || !s.has(addBOSKey) || s.vocab.AddBOS || s.vocab.BOS < 0 {
		return nil
	}
	if !s.vocab.UsuallyBOS() || s.source != nil && !s.source.Vocab.AddBOS {
		return nil
	}
	f := finding(Warning, "is false, though models with the pre-tokenizer %q are trained on texts that begin with %.40q",
		s.vocab.Pre, s.vocab.Tokens[s.vocab.BOS]).about(addBOSKey)
	f.fault = Tokenizer
	return []Finding{f}
}

// corpus has what tokenizers have stumbled over.
var corpus = []string{
	"The quick brown fox, it's said, can't jump 1234567 times.\n\n\tIndented\r\n  twice  ",
	"Zażółć gęślą jaźń — ÆØÅ, naïve façade; Ελληνικά, кириллица, עברית, العربية, हिन्दी, ไทย, 中文字符, 日本語テスト, 한국어",
	"👩‍👩‍👧‍👦 🇨🇭 é (combining), ſ, İ, \u00a0\u3000\u2028, \u0000\u0001\x7f",
	"func main() { fmt.Println(\"x\", 0x1F, 3.14e-10) } // <|not_a_token|> </s> <s>",
	"broken UTF-8: \xff\xfe\x80 a\xc3 b\xe2\x82 c\xf0\x9f\x98",
	strings.Repeat("a", 300) + strings.Repeat(" ", 100) + strings.Repeat("\n", 50),
}

// checkRoundTrip encodes and decodes texts.
func checkRoundTrip(_ context.Context, s *Subject) []Finding {
	if !s.byteLevel() {
		return nil
	}
	for _, text := range corpus {
		ids := s.words.Encode(text, token.EncodeOptions{})
		if got := s.words.Decode(ids, true); got != text {
			at := 0
			for at < min(len(got), len(text)) && got[at] == text[at] {
				at++
			}
			return []Finding{finding(Error, "a text comes back otherwise from byte %d on: %.20q is %.20q", at, text[at:], got[at:]).about(tokensKey)}
		}
	}
	return nil
}

// has reports whether the metadata have a key.
func (s *Subject) has(key string) bool {
	_, ok := s.file.Meta.Value(key)
	return ok
}
