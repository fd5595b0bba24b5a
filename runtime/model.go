package runtime

import (
	"errors"
	"fmt"
	"io"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/internal/mmap"
	"github.com/akadata/bitnet-tool/internal/par"
)

// Params are a model's hyper-parameters.
type Params = arch.Params

// Options are how to load a model. The zero value is fine.
type Options struct {
	Threads int // goroutines an evaluation uses; 0: as many as can run at once

	// Kernels names the loops to compute with: generic, avx2, avx512, neon or
	// dotprod, as far as the machine can run them. Results are the same to the
	// bit. Empty: the fastest.
	Kernels string

	// FullHead lets [Generate] compute all logits of a token, which takes longer
	// and saves memory: up to a byte for each weight of the head.
	FullHead bool
}

const maxThreads = 1024

// Model is a loaded model. It does not change, and its methods may be called
// by several goroutines at once.
type Model struct {
	file    *gguf.File
	params  *Params
	threads int
	kernels *kernels.Backend

	embedding  *matrix
	layers     []layer
	outputNorm []float32
	head       *matrix // is embedding if the model is tied
	screening  screening

	ropeStep     float32
	ropeDivisors []float32 // of the angle of each pair; nil: none

	mapped *mapped // nil if the weights are in memory
}

// layer is the weights of one block. Sub-norms are nil in architectures
// without them.
type layer struct {
	attnNorm, attnSubNorm []float32
	q, k, v, o            *matrix
	ffnNorm, ffnSubNorm   []float32
	gate, up, down        *matrix
}

// Open loads the model at path, of a split one all parts if that is the first,
// and leaves its weights in the files, mapped into memory. Only what the header
// says and the norms are read and checked now: an error wraps [gguf.ErrFormat],
// [gguf.ErrParts], [ErrModel] or [ErrUnsupported] and names the key, tensor or
// part. Close releases the files.
func Open(path string, o Options) (*Model, error) {
	f, err := gguf.OpenModel(path)
	if err != nil {
		return nil, err
	}
	files := &mapped{file: f, views: map[*gguf.File]*mmap.Mapping{}}
	m, err := files.load(o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), files.close())
	}
	return m, nil
}

// Load loads the model of an open file and reads its weights into memory. The
// file stays the caller's: it must be open until Load returns, and as long as
// the metadata of [Model.File] are read.
func Load(f *gguf.File, o Options) (*Model, error) {
	return load(f, o, func(t gguf.Tensor) ([]byte, error) { return read(f, t) })
}

// read reads a tensor. The header's own check has bounded its size by that of
// the file.
func read(f *gguf.File, t gguf.Tensor) ([]byte, error) {
	if int64(int(t.Size)) != t.Size {
		return nil, fmt.Errorf("%w: %d bytes are more than this system can address", ErrUnsupported, t.Size)
	}
	b := make([]byte, t.Size)
	_, err := io.ReadFull(f.Section(t), b)
	return b, err
}

func load(f *gguf.File, o Options, data func(gguf.Tensor) ([]byte, error)) (*Model, error) {
	if o.Threads < 0 || o.Threads > maxThreads {
		return nil, fmt.Errorf("%w: %d threads, possible are 1 to %d", ErrOption, o.Threads, maxThreads)
	}
	if o.Threads == 0 {
		o.Threads = par.CPUs()
	}
	backend, err := o.backend()
	if err != nil {
		return nil, err
	}
	l, err := newLoader(f, data)
	if err != nil {
		return nil, err
	}
	m := &Model{file: f, params: l.params, threads: o.Threads, kernels: backend}
	if err := l.fill(m); err != nil {
		return nil, err
	}
	m.screening.after, m.screening.rest = screenAfter, screenRest
	m.screening.able = !o.FullHead && screenable(m.head, screenWeights)
	return m, nil
}

func (o Options) backend() (*kernels.Backend, error) {
	if o.Kernels == "" {
		return kernels.Default(), nil
	}
	b, err := kernels.Lookup(o.Kernels)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOption, err)
	}
	return b, nil
}

// Params gives the model's hyper-parameters. Do not change them.
func (m *Model) Params() *Params { return m.params }

// File gives the file the model was loaded from, for its metadata.
func (m *Model) File() *gguf.File { return m.file }

// Threads gives the number of goroutines an evaluation uses.
func (m *Model) Threads() int { return m.threads }

// Kernels gives the name of the loops that the model computes with.
func (m *Model) Kernels() string { return m.kernels.Name }

// Close releases the file that [Open] opened. No session of the model may be
// in use any more.
func (m *Model) Close() error {
	if m.mapped == nil {
		return nil
	}
	return m.mapped.close()
}
