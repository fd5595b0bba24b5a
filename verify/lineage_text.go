package verify

import (
	"context"
	"slices"
	"strconv"

	"github.com/akadata/bitnet-tool/internal/token"
)

// checkVocabulary compares what encoding and decoding depend on.
func checkVocabulary(_ context.Context, s *Subject) []Finding {
	if s.vocab == nil {
		return nil
	}
	have, want := s.vocab, s.source.Vocab
	fs := compareLists(tokensKey, "token", have.Tokens, want.Tokens)
	fs = append(fs, compareLists("tokenizer.ggml.merges", "merge", have.Merges, want.Merges)...)
	fs = append(fs, compareKinds(have, want)...)
	if have.Model == "llama" {
		fs = append(fs, compareScores(have, want)...)
		if have.SpacePrefix != want.SpacePrefix {
			fs = append(fs, finding(Error, "is %t, the checkpoint's rule is %t", have.SpacePrefix, want.SpacePrefix).about(addSpaceKey))
		}
	}
	if !token.SamePre(have.Pre, want.Pre) {
		fs = append(fs, finding(Error, "is %q, the checkpoint's rules are %q", have.Pre, want.Pre).about("tokenizer.ggml.pre"))
	}
	for _, r := range []struct {
		name       string
		have, want int32
	}{
		{"bos", have.BOS, want.BOS},
		{"eos", have.EOS, want.EOS},
		{"eot", have.EOT, want.EOT},
		{"eom", have.EOM, want.EOM},
	} {
		if r.have != r.want {
			fs = append(fs, finding(Error, "is %s, the checkpoint's is %s", tokenID(r.have), tokenID(r.want)).
				about("tokenizer.ggml."+r.name+"_token_id"))
		}
	}
	for _, r := range []struct {
		name       string
		have, want bool
	}{
		{"bos", have.AddBOS, want.AddBOS},
		{"eos", have.AddEOS, want.AddEOS},
	} {
		if r.have != r.want {
			fs = append(fs, finding(Error, "is %t, the checkpoint's rule is %t", r.have, r.want).about("tokenizer.ggml.add_"+r.name+"_token"))
		}
	}
	return fs
}

func compareLists(key, what string, have, want []string) []Finding {
	for i := range min(len(have), len(want)) {
		if have[i] != want[i] {
			return []Finding{finding(Error, "%s %d is %.80q, the checkpoint's is %.80q", what, i, have[i], want[i]).about(key)}
		}
	}
	if len(have) != len(want) {
		return []Finding{finding(Error, "%d %ss, the checkpoint has %d", len(have), what, len(want)).about(key)}
	}
	return nil
}

// compareScores compares the scores of pieces, which merges go by. Other tokens
// have them too, of which converters make what they like.
func compareScores(have, want *token.Vocab) []Finding {
	for i := range min(len(have.Scores), len(want.Scores)) {
		if want.Kinds[i] == token.Normal && have.Scores[i] != want.Scores[i] {
			return []Finding{finding(Error, "of token %d (%.80q) is %v, the checkpoint's is %v", i, want.Tokens[i], have.Scores[i], want.Scores[i]).about(scoresKey)}
		}
	}
	return nil
}

// compareKinds compares what tokens are for. Converters disagree about how to
// mark fillers and added words; what matters is which tokens are control
// tokens and which are pieces of text.
func compareKinds(have, want *token.Vocab) []Finding {
	group := func(k token.Kind) int {
		return slices.IndexFunc([][]token.Kind{
			{token.Undefined, token.Normal, token.Byte},
			{token.Control, token.Unknown},
			{token.UserDefined, token.Unused},
		}, func(g []token.Kind) bool { return slices.Contains(g, k) })
	}
	for i := range min(len(have.Kinds), len(want.Kinds)) {
		if group(have.Kinds[i]) != group(want.Kinds[i]) {
			return []Finding{finding(Error, "of token %d (%.80q) is %d, the checkpoint means %d", i, want.Tokens[i], have.Kinds[i], want.Kinds[i]).
				about("tokenizer.ggml.token_type")}
		}
	}
	return nil
}

// tokenID spells an id, which is negative where there is no such token.
func tokenID(id int32) string {
	if id < 0 {
		return "none"
	}
	return strconv.Itoa(int(id))
}

// checkOwnTemplate compares the chat templates themselves, also where a program
// would replace the file's by a better one.
func checkOwnTemplate(_ context.Context, s *Subject) []Finding {
	switch have, want := s.text(templateKey), s.source.Vocab.ChatTemplate; {
	case have == want:
		return nil
	case have == "":
		return []Finding{finding(Warning, "is not there; the checkpoint has a chat template").about(templateKey)}
	case want == "":
		return []Finding{finding(Warning, "the checkpoint has no chat template").about(templateKey)}
	default:
		return []Finding{finding(Warning, "is not the checkpoint's").about(templateKey)}
	}
}
