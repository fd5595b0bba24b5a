// Package arch is the table of model architectures: which hyper-parameters a
// model has, which tensors it is made of, what they are called in a Hugging
// Face checkpoint and in a GGUF file, and which rules of evaluation go with
// it.
//
// A checkpoint's config.json becomes [Params] by [ParseConfig] and
// [Config.Params], a GGUF file's metadata by [FromMeta]. [Params.Tensors] then
// lists every tensor with shape, role and both names. To support another
// architecture, add a row to the table in spec.go.
package arch

import "errors"

// Errors that callers tell apart.
var (
	// ErrUnsupported: well-formed, but not something this program evaluates.
	ErrUnsupported = errors.New("unsupported model")
	// ErrParams: missing, contradictory or absurd hyper-parameters.
	ErrParams = errors.New("bad model parameters")
)
