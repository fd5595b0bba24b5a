package convert

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/quant"
)

// Export is the way back: a GGUF file as a checkpoint for tools that train. It
// is decided but not done.
type Export struct {
	// Warnings tell what the folder will lack.
	Warnings []string

	src      *gguf.File
	matrices []exported
	layout   *safetensors.Layout
	texts    map[string][]byte // small files, by name
}

// exported is one tensor on its way back.
type exported struct {
	spec arch.Tensor
	from io.ReaderAt // rows in GGUF's order, as wide as codec says
	c    quant.Codec // a float type
}

// Exported describes the folder that was written.
type Exported struct {
	Path  string
	Size  int64    // bytes of all files
	Files []string // names, sorted

	// Lossless: every weight has the value it had. If not, values had to be
	// rounded to BF16, by at most RoundedBy of themselves; signs are the same.
	Lossless  bool
	RoundedBy float64
}

// NewExport plans to write f as a checkpoint: BF16 weights under their Hugging
// Face names, config.json, and the tokenizer's files as far as the metadata go.
// Ternary weights become -m, 0 and m, so that converting the folder gives the
// same codes.
func NewExport(f *gguf.File) (*Export, error) {
	s, err := fromGGUF(f)
	if err != nil {
		return nil, err
	}
	if _, ok := f.Tensor(ropeFactors); ok {
		return nil, fmt.Errorf("%w: tensor %q: scaled rotation cannot be written as a checkpoint", ErrUnsupported, ropeFactors)
	}
	e := &Export{src: f, texts: map[string][]byte{}}
	v, err := e.tokenizer()
	if err != nil {
		return nil, err
	}
	if e.texts["config.json"], err = configJSON(s.Params, v); err != nil {
		return nil, err
	}
	var entries []safetensors.Entry
	for i, spec := range s.Params.Tensors() {
		m := s.matrices[i]
		c, _ := quant.Lookup(codecOf(m.weight.DType))
		e.matrices = append(e.matrices, exported{spec: spec, from: m.weight.Section(), c: c})
		shape := []int64{int64(spec.Rows), int64(spec.Cols)}
		if spec.Role == arch.Norm {
			shape = shape[1:]
		}
		entries = append(entries, safetensors.Entry{Name: spec.HF, DType: safetensors.BF16, Shape: shape})
	}
	e.layout, err = safetensors.NewLayout(entries)
	return e, err
}

// tokenizer composes the tokenizer's files. A vocabulary that they cannot hold
// is left out with a warning: the weights are of use without.
func (e *Export) tokenizer() (*token.Vocab, error) {
	v, err := token.FromMeta(&e.src.Meta)
	var files map[string][]byte
	if err == nil {
		files, err = v.HFFiles()
	}
	if errors.Is(err, token.ErrUnsupported) {
		e.Warnings = append(e.Warnings, fmt.Sprintf("the tokenizer is left out: %v; take its files from the model's repository", err))
		return v, nil
	}
	maps.Copy(e.texts, files)
	return v, err
}

// WriteFolder writes the folder dir, which appears under its name only when it
// is complete and on the disk. One that exists is fs.ErrExist.
func (e *Export) WriteFolder(ctx context.Context, dir string, sink progress.Sink) (*Exported, error) {
	dir = filepath.Clean(dir)
	if err := absent(dir); err != nil {
		return nil, err
	}
	folder, err := atomicfile.CreateFolder(dir)
	if err != nil {
		return nil, err
	}
	defer folder.Abort()
	task := sink.Start("convert to safetensors", e.layout.Size)
	res, err := e.write(ctx, folder.Path(), task)
	task.Done(err)
	if err == nil {
		err = e.src.CheckUnchanged()
	}
	if err == nil {
		err = absent(dir)
	}
	if err == nil {
		err = folder.Commit()
	}
	if err != nil {
		return nil, err
	}
	res.Path = dir
	return res, nil
}

func absent(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

func (e *Export) write(ctx context.Context, dir string, task progress.Task) (*Exported, error) {
	const weights = "model.safetensors"
	res := &Exported{Size: e.layout.Size, Files: []string{weights}}
	for name, text := range e.texts {
		err := writeSynced(filepath.Join(dir, name), func(f *os.File) error {
			_, err := f.Write(text)
			return err
		})
		if err != nil {
			return nil, err
		}
		res.Files, res.Size = append(res.Files, name), res.Size+int64(len(text))
	}
	slices.Sort(res.Files)
	err := writeSynced(filepath.Join(dir, weights), func(f *os.File) (err error) {
		if err := atomicfile.Reserve(f, e.layout.Size); err != nil {
			return err
		}
		res.RoundedBy, err = e.weights(ctx, f, task)
		return err
	})
	res.Lossless = res.RoundedBy == 0
	return res, err
}

// writeSynced makes a file that is on the disk when it returns.
func writeSynced(path string, write func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// weights writes the safetensors file and gives the largest rounding.
func (e *Export) weights(ctx context.Context, f *os.File, task progress.Task) (float64, error) {
	if _, err := f.WriteAt(e.layout.Header, 0); err != nil {
		return 0, err
	}
	rounded := make([]float64, len(e.matrices))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(par.CPUs())
	for i := range e.matrices {
		g.Go(func() error {
			m := &e.matrices[i]
			var err error
			if rounded[i], err = m.write(gctx, io.NewOffsetWriter(f, e.layout.Offsets[i]), task); err != nil {
				return fmt.Errorf("tensor %q: %w", m.spec.Name, err)
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.Max(append(rounded, 0)), err
}

// write writes the rows as BF16 in the order of the checkpoint.
func (m *exported) write(ctx context.Context, w io.Writer, task progress.Task) (rounded float64, err error) {
	cols, rows := m.spec.Cols, m.spec.Rows
	step := min(max(chunkWeights/cols, 1), rows)
	raw := make([]byte, step*cols*m.c.BlockBytes)
	values, out := make([]float32, step*cols), make([]byte, 2*step*cols)
	for first := 0; first < rows; first += step {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n := min(step, rows-first)
		if err := m.read(raw[:n*cols*m.c.BlockBytes], first); err != nil {
			return 0, fmt.Errorf("from row %d: %w", first, err)
		}
		v, dst := values[:n*cols], out[:2*n*cols]
		if err := m.c.Decode(v, raw[:n*cols*m.c.BlockBytes], 0); err != nil {
			return 0, err
		}
		if err := bf16Codec().Encode(dst, v, 0); err != nil {
			return 0, fmt.Errorf("from row %d: %w", first, err)
		}
		rounded = max(rounded, rounding(v, dst))
		if _, err := w.Write(dst); err != nil {
			return 0, err
		}
		task.Add(int64(len(dst)))
	}
	return rounded, nil
}

// read reads rows from first on, in the order of the checkpoint.
func (m *exported) read(dst []byte, first int) error {
	width := m.spec.Cols * m.c.BlockBytes
	if m.spec.Heads == 0 {
		return readAt(m.from, dst, int64(first)*int64(width))
	}
	for i := range len(dst) / width {
		row := originalRow(m.spec, first+i)
		if err := readAt(m.from, dst[i*width:(i+1)*width], int64(row)*int64(width)); err != nil {
			return err
		}
	}
	return nil
}

// originalRow gives the row of a GGUF file's q or k matrix that is row r of the
// checkpoint: the inverse of [arch.Tensor.PermuteRow].
func originalRow(t arch.Tensor, r int) int {
	d := t.Rows / t.Heads
	head, half, i := r/d, r%d/(d/2), r%(d/2)
	return head*d + 2*i + half
}

func bf16Codec() quant.Codec {
	c, _ := quant.Lookup(quant.BF16)
	return c
}

// rounding gives the largest share by which BF16 changed a value.
func rounding(v []float32, packed []byte) float64 {
	var most float64
	for i, x := range v {
		y := math.Float32frombits(uint32(binary.LittleEndian.Uint16(packed[2*i:])) << 16)
		if x != y {
			most = max(most, math.Abs(float64(y)-float64(x))/math.Abs(float64(x)))
		}
	}
	return most
}
