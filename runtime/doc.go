// Package runtime runs language models: it loads a GGUF file, evaluates tokens
// and samples from the result. Its name is that of a package of the standard
// library, which this module imports as goruntime.
//
// Start with [Open], make a [Session] with [Model.NewSession], and let
// [Generate] continue a prompt:
//
//	m, err := runtime.Open("model.gguf", runtime.Options{})
//	s, err := m.NewSession(runtime.SessionOptions{})
//	p, err := runtime.NewSampler(runtime.DefaultSampling())
//	for id, err := range runtime.Generate(ctx, s, p, prompt, runtime.Stop{Max: 128}) { … }
//
// A [Model] is immutable and may be used by any number of sessions at once; a
// Session holds one conversation and belongs to one goroutine at a time. Text
// is not its business: tokens go in and come out.
//
// What is computed, and with which roundings, is in docs/guide/engine.md. Logits
// depend on the model and the tokens alone, to the bit: not on the number of
// threads, nor on how a prompt is cut into calls of [Session.Eval].
package runtime

import (
	"errors"

	"github.com/akadata/bitnet-tool/internal/arch"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrModel: tensors are missing, of the wrong shape, or hold what no model
	// can have.
	ErrModel = errors.New("broken model")
	// ErrUnsupported: well-formed, but not something this engine evaluates.
	ErrUnsupported = arch.ErrUnsupported
	// ErrOption: a caller's number is out of range.
	ErrOption = errors.New("value out of range")
	// ErrContextFull: the tokens do not fit the session's context.
	ErrContextFull = errors.New("context is full")
	// ErrFileChanged: the mapped file became shorter.
	ErrFileChanged = errors.New("model file changed while in use")
	// ErrNotFinite: there is no best token among the logits.
	ErrNotFinite = errors.New("logits are not finite")
)
