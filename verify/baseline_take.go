package verify

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/runtime"
)

// Defaults of a baseline.
const (
	DefaultGreedy  = 32  // tokens after each prompt
	defaultContext = 128 // tokens a chunk of the text; the built-in one has three or more
	minContext     = 4   // what a chunk must have to be scored
)

// BaselineOptions say what to ask the model. The zero value asks the built-in
// prompts and text, for no tokens after a prompt.
type BaselineOptions struct {
	Prompts  []Prompt
	Greedy   int    // tokens after each prompt, exactly
	Text     string // UTF-8, at most 1 MiB
	Threads  int
	Kernels  string   // as in [Options]
	Progress Progress // may be nil
}

// NewBaseline asks the model at path. Errors about options wrap [ErrOption];
// others are those of package runtime and of the tokenizer.
func NewBaseline(ctx context.Context, path string, o BaselineOptions) (*Baseline, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	e, err := newEngine(path, runtime.Options{Threads: o.Threads, Kernels: o.Kernels})
	if err != nil {
		return nil, err
	}
	defer e.close()
	b := &Baseline{Schema: baselineSchema, Tolerance: DefaultTolerance()}
	if b.Model, err = e.describe(ctx); err != nil {
		return nil, err
	}
	task := o.Progress.Start("baseline: prompts and text", int64(len(o.Prompts))+1)
	err = b.take(ctx, e, o, task)
	task.Done(err)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

func (o *BaselineOptions) fill() error {
	if o.Progress == nil {
		o.Progress = progress.Discard
	}
	if o.Prompts == nil {
		o.Prompts = defaultPrompts()
	}
	switch {
	case len(o.Prompts) == 0 || len(o.Prompts) > maxPrompts:
		return fmt.Errorf("%w: %d prompts, must be 1 to %d", ErrOption, len(o.Prompts), maxPrompts)
	case o.Greedy < 0 || o.Greedy > maxTokens:
		return fmt.Errorf("%w: %d tokens after a prompt, must be 0 to %d", ErrOption, o.Greedy, maxTokens)
	case len(o.Text) > maxTextBytes || !utf8.ValidString(o.Text):
		return fmt.Errorf("%w: the text must be UTF-8 of at most %d bytes", ErrOption, maxTextBytes)
	}
	return nil
}

func (e *engine) describe(ctx context.Context) (BaselineModel, error) {
	f := e.model.File()
	m := BaselineModel{Architecture: f.Architecture(), VocabSize: e.model.Params().Vocab}
	if n, ok := f.Meta.Uint(fileTypeKey); ok {
		m.FileType = &n
	}
	// Of a split model the digest is that of its parts one after the other.
	h := newHasher(false)
	for _, part := range f.Files() {
		all := pass{
			disk: part.Disk(), size: part.FileSize, workers: 1, add: func(int64) {},
			carry:   func(int64) int64 { return 0 },
			inOrder: func(b *slab) { h.block(b.data) },
			each:    func(int, *slab) error { return nil },
		}
		if err := all.run(ctx); err != nil {
			return m, err
		}
	}
	var d digests
	h.sum(&d)
	m.SHA256 = "sha256:" + d.hex()
	return m, nil
}

func (b *Baseline) take(ctx context.Context, e *engine, o BaselineOptions, task progress.Task) error {
	for i, p := range o.Prompts {
		c, err := e.ask(ctx, p, o.Greedy)
		if err != nil {
			return fmt.Errorf("prompt %d: %w", i+1, err)
		}
		b.Cases = append(b.Cases, c)
		task.Add(1)
	}
	text := o.Text
	if text == "" {
		text = defaultText
	}
	tokens := e.encodeText(text)
	n := min(defaultContext, e.model.Params().Context, len(tokens)/2)
	if n < minContext {
		return fmt.Errorf("%w: a text of %d tokens is too short, %d are needed", ErrOption, len(tokens), 2*minContext)
	}
	nll, err := e.nll(ctx, tokens, n)
	if err != nil {
		return err
	}
	b.Perplexity = &BaselinePerplexity{TextSHA256: digestOf(text), Text: o.Text, Context: n, NLL: nll}
	task.Add(1)
	return nil
}

// ask evaluates one prompt and takes the best token n times.
func (e *engine) ask(ctx context.Context, p Prompt, n int) (Case, error) {
	c := Case{Prompt: p.Text, Tokens: p.Tokens, Greedy: []int32{}}
	if p.Tokens == nil {
		c.Tokens = e.encode(p.Text)
	}
	if err := c.inVocabulary(e.model.Params().Vocab); err != nil {
		return c, fmt.Errorf("%w: %w", ErrOption, err)
	}
	s, err := e.session(len(c.Tokens) + max(n-1, 0))
	if err != nil {
		return c, err
	}
	logits, err := s.Eval(ctx, c.Tokens)
	if err != nil {
		return c, err
	}
	c.Logits = slices.Clone(logits)
	if _, err := e.best.Sample(logits); err != nil {
		return c, err
	}
	for len(c.Greedy) < n {
		id, err := e.best.Sample(logits)
		if err != nil {
			return c, err
		}
		if c.Greedy = append(c.Greedy, id); len(c.Greedy) == n {
			break
		}
		if logits, err = s.Eval(ctx, []int32{id}); err != nil {
			return c, err
		}
	}
	return c, nil
}
