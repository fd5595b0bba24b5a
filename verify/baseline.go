package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

const baselineSchema = "bitnet-tool/baseline/v1"

// Baseline is what a model answered when it was known to be good.
type Baseline struct {
	Schema     string              `json:"schema"`
	Model      BaselineModel       `json:"model"`
	Cases      []Case              `json:"cases"`
	Perplexity *BaselinePerplexity `json:"perplexity,omitempty"`
	Tolerance  Tolerance           `json:"tolerance"`
}

// BaselineModel says which file a baseline was taken of.
type BaselineModel struct {
	SHA256       string  `json:"sha256"` // "sha256:" and 64 hex digits
	Architecture string  `json:"architecture"`
	VocabSize    int     `json:"vocab_size"`
	FileType     *uint64 `json:"file_type"` // general.file_type, nil if absent
}

// Case is one prompt and its answer.
type Case struct {
	Prompt string  `json:"prompt,omitempty"` // "" if it was given as tokens
	Tokens []int32 `json:"tokens"`
	Logits Logits  `json:"logits"` // after the last token
	Greedy []int32 `json:"greedy"` // best tokens, each after those before it; stop tokens do not end them
}

// Logits are float32 numbers that are base64 of their little-endian bytes in
// JSON.
type Logits []float32

// MarshalText gives the base64.
func (l Logits) MarshalText() ([]byte, error) {
	b := make([]byte, 0, 4*len(l))
	for _, v := range l {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return base64.StdEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText reads base64. Numbers that are not finite are refused.
func (l *Logits) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	if len(b)%4 != 0 {
		return fmt.Errorf("%d bytes of logits are no float32 numbers", len(b))
	}
	*l = make(Logits, len(b)/4)
	for i := range *l {
		(*l)[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	if p := firstNotFinite(*l); p != nil {
		return fmt.Errorf("logit %d is %v", p.element, p.value)
	}
	return nil
}

// BaselinePerplexity is how well a text was predicted.
type BaselinePerplexity struct {
	TextSHA256 string  `json:"text_sha256"`    // "sha256:" and 64 hex digits
	Text       string  `json:"text,omitempty"` // "" for the built-in one
	Context    int     `json:"ctx"`            // tokens a chunk
	NLL        float64 `json:"nll"`            // mean, natural logarithm
}

// Tolerance is how far an answer may be from the baseline.
type Tolerance struct {
	LogitMedian float64 `json:"logit_median"` // median over cases of the largest difference
	LogitMax    float64 `json:"logit_max"`    // largest difference
	NLL         float64 `json:"nll"`
	GreedyGap   float64 `json:"greedy_gap"` // between best and second logit; below it the choice is open
}

// DefaultTolerance holds across CPUs. Activations are rounded to int8, so a sum
// in another order now and then tips a rounding: the typical difference is far
// below the largest.
func DefaultTolerance() Tolerance {
	return Tolerance{LogitMedian: 0.002, LogitMax: 0.5, NLL: 0.003, GreedyGap: 0.05}
}

// maxBaseline bounds a baseline file. A case of a vocabulary of 128,256 tokens
// takes 684 KB.
const maxBaseline = 256 << 20

// ReadBaseline reads a baseline and checks all that can be checked without the
// model. Errors wrap [ErrBaseline] and name the case.
func ReadBaseline(r io.Reader) (*Baseline, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBaseline+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBaseline {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrBaseline, maxBaseline)
	}
	b := &Baseline{}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBaseline, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the JSON object", ErrBaseline)
	}
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBaseline, err)
	}
	return b, nil
}

func (b *Baseline) check() error {
	switch {
	case b.Schema != baselineSchema:
		return fmt.Errorf("schema is %q, want %q", b.Schema, baselineSchema)
	case b.Model.VocabSize < 1 || b.Model.VocabSize > 1<<22:
		return fmt.Errorf("model.vocab_size is %d", b.Model.VocabSize)
	case len(b.Cases) == 0 || len(b.Cases) > maxPrompts:
		return fmt.Errorf("%d cases, must be 1 to %d", len(b.Cases), maxPrompts)
	}
	for i := range b.Cases {
		if err := b.Cases[i].check(b.Model.VocabSize); err != nil {
			return fmt.Errorf("case %d: %w", i+1, err)
		}
	}
	if p := b.Perplexity; p != nil {
		if p.Context < 4 || p.Context > 1<<27 || !(p.NLL >= 0) || math.IsInf(p.NLL, 0) || len(p.Text) > maxTextBytes {
			return fmt.Errorf("perplexity of ctx %d, nll %v and a text of %d bytes", p.Context, p.NLL, len(p.Text))
		}
		if p.Text != "" && digestOf(p.Text) != p.TextSHA256 {
			return errors.New("perplexity.text_sha256 is not that of the text")
		}
	}
	t := b.Tolerance
	for _, v := range []float64{t.LogitMedian, t.LogitMax, t.NLL, t.GreedyGap} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("tolerance of %v", v)
		}
	}
	return nil
}

func (c *Case) check(vocab int) error {
	if len(c.Logits) != vocab {
		return fmt.Errorf("%d logits, the vocabulary has %d tokens", len(c.Logits), vocab)
	}
	return c.inVocabulary(vocab)
}

// inVocabulary checks the tokens and their number.
func (c *Case) inVocabulary(vocab int) error {
	if len(c.Tokens) == 0 || len(c.Tokens) > maxTokens || len(c.Greedy) > maxTokens {
		return fmt.Errorf("%d tokens and %d after them, must be 1 to %d and at most that", len(c.Tokens), len(c.Greedy), maxTokens)
	}
	for _, ids := range [][]int32{c.Tokens, c.Greedy} {
		for _, id := range ids {
			if id < 0 || int(id) >= vocab {
				return fmt.Errorf("token %d, the vocabulary has 0 to %d", id, vocab-1)
			}
		}
	}
	return nil
}

// digestOf gives a text's SHA-256 as baselines spell it.
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}
