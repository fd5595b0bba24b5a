package verify

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// sources are the checkpoints that tests convert.
var sources = map[string]func(testing.TB) string{
	"masters": fixture.BF16,
	"sharded": fixture.Sharded,
	"packed":  fixture.Packed,
	"llama":   fixture.Llama,
}

// checkpoints unpacks some sources for a test and its subtests, which must not
// change them.
func checkpoints(t *testing.T, names ...string) map[string]string {
	t.Helper()
	dirs := map[string]string{}
	for _, n := range names {
		dirs[n] = sources[n](t)
	}
	return dirs
}

// made holds the converted files of this process by source and type.
var made sync.Map

// model writes a GGUF file of the test's own and gives its path.
func model(t *testing.T, source string, typ quant.Type) string {
	t.Helper()
	key := fmt.Sprint(source, typ)
	data, ok := made.Load(key)
	if !ok {
		path := filepath.Join(t.TempDir(), "made.gguf")
		quantize(t, sources[source](t), path, convert.Options{Type: typ, Tool: "test"})
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data = b
		made.Store(key, data)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, data.([]byte), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func quantize(t *testing.T, dir, path string, o convert.Options) {
	t.Helper()
	src, err := convert.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	plan, err := src.Plan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.WriteFile(t.Context(), path, false, progress.Discard); err != nil {
		t.Fatal(err)
	}
}

// file is a GGUF file that a test changes.
type file struct {
	t    *testing.T
	path string
	*gguf.File
}

func openFile(t *testing.T, path string) *file {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &file{t, path, f}
}

// bytes gives the bytes of a tensor.
func (f *file) bytes(name string) []byte {
	f.t.Helper()
	tensor, ok := f.Tensor(name)
	if !ok {
		f.t.Fatalf("no tensor %q", name)
	}
	b := make([]byte, tensor.Size)
	if _, err := f.Section(tensor).ReadAt(b, 0); err != nil {
		f.t.Fatal(err)
	}
	return b
}

// patch writes over the bytes of a tensor.
func (f *file) patch(name string, at int64, b []byte) {
	f.t.Helper()
	tensor, ok := f.Tensor(name)
	if !ok || at < 0 || at+int64(len(b)) > tensor.Size {
		f.t.Fatalf("no bytes %d to %d of a tensor %q", at, at+int64(len(b)), name)
	}
	w, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteAt(b, f.DataOffset+tensor.Offset+at); err != nil {
		f.t.Fatal(err)
	}
}

// decode gives the weights of a tensor, with the scale 1 if it has one of its
// own.
func (f *file) decode(name string) []float32 {
	f.t.Helper()
	tensor, _ := f.Tensor(name)
	c, _ := quant.Lookup(tensor.Type)
	x := make([]float32, tensor.Elements())
	b := f.bytes(name)
	if err := c.Decode(x, b[:len(b)-c.Trailer], 1); err != nil {
		f.t.Fatal(err)
	}
	return x
}

// setTrit changes one trit of an I2_S tensor to another.
func (f *file) setTrit(name string, element int, trit float32) {
	f.t.Helper()
	tensor, _ := f.Tensor(name)
	c, _ := quant.Lookup(tensor.Type)
	first := element / c.BlockLen * c.BlockLen
	block := f.decode(name)[first : first+c.BlockLen]
	block[element-first] = trit
	b := make([]byte, c.BlockBytes)
	if err := c.Encode(b, block, 1); err != nil {
		f.t.Fatal(err)
	}
	f.patch(name, int64(first/c.BlockLen*c.BlockBytes), b)
}

// scale gives the scale after an I2_S tensor.
func (f *file) scale(name string) float32 {
	b := f.bytes(name)
	return math.Float32frombits(binary.LittleEndian.Uint32(b[len(b)-32:]))
}

func (f *file) setScale(name string, s float32) {
	b := f.bytes(name)
	f.patch(name, int64(len(b)-32), binary.LittleEndian.AppendUint32(nil, math.Float32bits(s)))
}

// rewrite writes the file again with other metadata and without some tensors.
func (f *file) rewrite(change func(m *gguf.Meta), without ...string) string {
	f.t.Helper()
	change(&f.Meta)
	var infos []gguf.TensorInfo
	for _, t := range f.Tensors {
		if !strings.Contains(strings.Join(without, " "), t.Name) {
			infos = append(infos, t.TensorInfo)
		}
	}
	l, err := gguf.NewLayout(&f.Meta, infos)
	if err != nil {
		f.t.Fatal(err)
	}
	path := filepath.Join(f.t.TempDir(), "rewritten.gguf")
	w, err := os.Create(path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer w.Close()
	for i, t := range l.Tensors {
		if _, err := l.Section(w, i).Write(f.bytes(t.Name)); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := l.WriteFrame(w); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// verified runs the levels up to and including one and fails if anything could
// not be checked.
func verified(t *testing.T, path string, o Options) *Report {
	t.Helper()
	r, err := Run(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bad gives the findings above Info.
func bad(r *Report) []Finding {
	var fs []Finding
	for _, l := range r.Levels {
		for _, f := range l.Findings {
			if f.Severity != Info {
				fs = append(fs, f)
			}
		}
	}
	return fs
}

// one fails unless rule has exactly one finding in r, and gives it.
func one(t *testing.T, r *Report, rule string) Finding {
	t.Helper()
	var found []Finding
	for _, l := range r.Levels {
		for _, f := range l.Findings {
			if f.Rule == rule {
				found = append(found, f)
			}
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d findings of %s, want 1; all: %s", len(found), rule, show(bad(r)))
	}
	return found[0]
}

func show(fs []Finding) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "\n  %s %s %s: %s", f.Rule, f.Severity, f.Object(), f.Detail)
	}
	return b.String()
}
