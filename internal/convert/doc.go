// Package convert turns a Hugging Face checkpoint into a GGUF file.
//
// [Open] reads a checkpoint's folder, [Source.Plan] decides what every tensor
// becomes and lays the file out, [Plan.WriteFile] streams it: tensors are read,
// ternarized and encoded in chunks, so memory does not grow with the model.
// The same source and options give the same bytes, whatever the number of
// threads.
//
// A model trained with ternary weights is ternarized for every output type:
// its stored masters are not what it computes with.
//
// [OpenModel] takes a GGUF file for a source too. [NewRepack] keeps its codes and
// changes how they are encoded, laid out or named; [NewExport] goes back to a
// checkpoint; [FindFixes] finds what its metadata lack.
package convert

import (
	"errors"
	"fmt"
	"slices"
)

// Errors that callers tell apart.
var (
	// ErrOption: an option does not apply to this source or type.
	ErrOption = errors.New("option does not apply")
	// ErrTensors: the checkpoint's tensors are not those its config.json says.
	ErrTensors = errors.New("checkpoint does not match its config.json")
	// ErrScaleMode: it is unclear whether stored scales multiply or divide.
	ErrScaleMode = errors.New("scale mode is unclear")
	// ErrNotTernary: a ternary type was asked for weights that were not
	// trained to be ternary.
	ErrNotTernary = errors.New("model is not ternary")
	// ErrLayout: nobody says how the codes of I2_S tensors are arranged.
	ErrLayout = errors.New("layout of I2_S codes is not known")
	// ErrUnsupported: well-formed, but not convertible here.
	ErrUnsupported = errors.New("unsupported conversion")
)

// NotTernaryError says how far from ternary each projection is. It wraps
// [ErrNotTernary].
type NotTernaryError struct {
	Residuals []Residual
}

// Residual is the relative error ‖W − mT‖/‖W‖ that ternarizing would make.
type Residual struct {
	Tensor string
	Ratio  float64
}

func (e *NotTernaryError) Error() string {
	r := slices.SortedFunc(slices.Values(e.Residuals), func(a, b Residual) int {
		switch {
		case a.Ratio < b.Ratio:
			return -1
		case a.Ratio > b.Ratio:
			return 1
		}
		return 0
	})
	if len(r) == 0 {
		return ErrNotTernary.Error()
	}
	return fmt.Sprintf("%v: ternarizing would change its %d projections by %.0f %% (%s) to %.0f %% (%s) of their norm",
		ErrNotTernary, len(r), 100*r[0].Ratio, r[0].Tensor, 100*r[len(r)-1].Ratio, r[len(r)-1].Tensor)
}

func (e *NotTernaryError) Unwrap() error { return ErrNotTernary }
