package main

import (
	"fmt"

	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
)

// loadModel opens a model for evaluation, with its tokenizer. The caller closes
// the model.
func loadModel(c *call, path string, o runtime.Options, pre string) (*runtime.Model, *token.Tokenizer, error) {
	m, err := runtime.Open(path, o)
	if err != nil {
		return nil, nil, notModel(path, err)
	}
	for _, n := range m.Params().Notices {
		c.warn("%s", n)
	}
	t, err := tokenizerOf(c, m.File(), pre)
	if err != nil {
		m.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, t, nil
}
