package main

import (
	"fmt"
	"os"

	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
)

// kernelEnv names the environment variable that chooses the loops to compute
// with, for tests and bug reports.
const kernelEnv = "BITNET_TOOL_KERNEL"

// chosenKernels gives the loops to compute with, "" for the fastest.
func chosenKernels() (string, error) {
	name := os.Getenv(kernelEnv)
	if name == "" {
		return "", nil
	}
	if _, err := kernels.Lookup(name); err != nil {
		return "", usagef("%s: %w", kernelEnv, err)
	}
	return name, nil
}

// openRuntime opens a model for evaluation. The caller closes it.
func openRuntime(path string, o runtime.Options) (*runtime.Model, error) {
	var err error
	if o.Kernels, err = chosenKernels(); err != nil {
		return nil, err
	}
	m, err := runtime.Open(path, o)
	if err != nil {
		return nil, notModel(path, err)
	}
	return m, nil
}

// loadModel opens a model with its tokenizer.
func loadModel(c *call, path string, o runtime.Options, pre string) (*runtime.Model, *token.Tokenizer, error) {
	m, err := openRuntime(path, o)
	if err != nil {
		return nil, nil, err
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
