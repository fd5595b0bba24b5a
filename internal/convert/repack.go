package convert

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// RepackOptions say what becomes of a GGUF file. The zero value of a field keeps
// things as they are.
type RepackOptions struct {
	Type   quant.Type     // of the ternary tensors: I2_S, TQ1_0 or TQ2_0
	Layout gguf.I2SLayout // of the source's I2_S tensors, if it does not state it
	Target Target         // program to write for; it may ask for another Type
	Tool   string         // version of the program, for the metadata
}

// Repack is a change of a GGUF file's ternary encoding, layout or dialect that
// is decided but not done. Codes go from one encoding to the other as codes, all
// other tensors are copied as they are.
type Repack struct {
	Layout *gguf.Layout

	// Warnings tell what is allowed and yet worth knowing.
	Warnings []string

	src  *gguf.File
	from []quant.Codec // encoding of each source tensor; without a name: copied
}

// Repacked describes the file that was written.
type Repacked struct {
	Path   string
	Size   int64
	SHA256 string // hex
	Types  map[string]int

	// Lossless: every weight has the value it had. If not, scales had to be
	// rounded to F16, by at most RoundedBy of their value; codes are the same.
	Lossless  bool
	RoundedBy float64
}

// NewRepack plans to rewrite f. Errors name what is in the way: [ErrLayout] if
// the layout of I2_S codes matters and nobody says it.
func NewRepack(f *gguf.File, o RepackOptions) (*Repack, error) {
	if f.ByteOrder != binary.LittleEndian || f.Version < 2 {
		return nil, fmt.Errorf("%w: big-endian file or version 1", ErrUnsupported)
	}
	if c, _ := quant.Lookup(o.Type); o.Type != quant.Invalid && (!c.Ternary() || c.Encode == nil || o.Type == quant.I2_S_64x16) {
		return nil, fmt.Errorf("%w: type %s; codes go to %s, %s and %s only", ErrOption, o.Type, quant.I2_S, quant.TQ1_0, quant.TQ2_0)
	}
	if o.Type == quant.Invalid {
		o.Type = o.Target.ternaryType(f)
	}
	i2s, err := o.sourceLayout(f)
	if err != nil {
		return nil, err
	}
	r := &Repack{src: f}
	ts := make([]gguf.Tensor, len(f.Tensors))
	r.from = make([]quant.Codec, len(f.Tensors))
	changed := false
	for i, t := range f.Tensors {
		ts[i] = t
		from, to := t.Type, o.Type
		if t.IsI2S() {
			if from = i2s; from == quant.Invalid {
				if to == quant.Invalid {
					continue // only names change
				}
				return nil, fmt.Errorf("tensor %q: %w", t.Name, errLayoutUnknown())
			}
			if to == quant.Invalid {
				to = quant.I2_S
			}
		}
		c, _ := quant.Lookup(from)
		if !c.Ternary() || to == quant.Invalid || from == to {
			continue
		}
		if ts[i], err = gguf.NewTensor(gguf.TensorInfo{Name: t.Name, Dims: t.Dims, Type: to}); err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrUnsupported, t.Name, err)
		}
		r.from[i], changed = c, true
	}
	if o.Type != quant.Invalid && !slices.ContainsFunc(ts, func(t gguf.Tensor) bool { return t.Type == o.Type }) {
		return nil, fmt.Errorf("%w: type %s: the file has no ternary tensors", ErrOption, o.Type)
	}
	if !changed && o.Layout == "" && o.Target == "" {
		if f.HasI2S() && i2s == quant.Invalid {
			return nil, errLayoutUnknown()
		}
		return nil, fmt.Errorf("%w: the file is already what it would become", ErrOption)
	}
	m, err := o.meta(f, ts, i2s != quant.Invalid || !f.HasI2S(), changed)
	if err != nil {
		return nil, err
	}
	if r.Layout, err = gguf.LayoutOf(m, ts); err != nil {
		return nil, err
	}
	if o.Target != "" {
		if r.Warnings, err = o.Target.Check(m, r.Layout.Tensors); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// ternaryType gives the type that ternary tensors of f have to get for a
// target, Invalid if they can stay. Of llama.cpp's two, TQ2_0 is the faster one;
// ik_llama.cpp makes its own of I2_S.
func (t Target) ternaryType(f *gguf.File) quant.Type {
	tq := slices.ContainsFunc(f.Tensors, func(t gguf.Tensor) bool { return t.Type == quant.TQ1_0 || t.Type == quant.TQ2_0 })
	switch {
	case t == LlamaCpp && f.HasI2S():
		return quant.TQ2_0
	case t == IkLlama && tq:
		return quant.I2_S
	}
	return quant.Invalid
}

// sourceLayout decides how I2_S tensors are read, Invalid if nobody says.
func (o *RepackOptions) sourceLayout(f *gguf.File) (quant.Type, error) {
	stated := f.I2SLayout()
	switch {
	case o.Layout != "" && !f.HasI2S():
		return 0, fmt.Errorf("%w: layout %s: the file has no I2_S tensors", ErrOption, o.Layout)
	case o.Layout != "" && stated != "" && o.Layout != stated:
		return 0, fmt.Errorf("%w: layout %s: the file says %s in its key %s", ErrOption, o.Layout, stated, gguf.LayoutKey)
	case o.Layout != "":
		return o.Layout.Type(), nil
	}
	return stated.Type(), nil
}

// meta gives the metadata of the new file; known says whether the layout of I2_S
// tensors is.
func (o *RepackOptions) meta(f *gguf.File, ts []gguf.Tensor, known, changed bool) (*gguf.Meta, error) {
	m := f.Meta.Clone()
	has := func(t quant.Type) bool {
		return slices.ContainsFunc(ts, func(x gguf.Tensor) bool { return x.Type == t })
	}
	switch {
	case !has(quant.I2_S):
		m.Delete(gguf.LayoutKey)
	case known:
		m.Set(gguf.LayoutKey, string(gguf.Layout128x32))
	}
	if r, ok := lookupRecipe(o.Type, false); ok && has(o.Type) {
		if _, there := m.Value("general.file_type"); there {
			m.Set("general.file_type", r.fileType)
		}
		if s, ok := gguf.Get[string](m, "bitnet_tool.recipe"); ok {
			m.Set("bitnet_tool.recipe", retyped(s, r.Name))
		}
	}
	if changed {
		m.Set("bitnet_tool.version", o.Tool)
	}
	if o.Target != "" {
		if err := o.Target.Retarget(m); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// retyped changes the type in the flags a file was made with.
func retyped(flags, name string) string {
	words := strings.Fields(flags)
	for i := range len(words) - 1 {
		if words[i] == "--type" {
			words[i+1] = name
		}
	}
	return strings.Join(words, " ")
}

// WriteFile writes the new file, which appears under its name only when it is
// complete and on the disk. One that exists is fs.ErrExist.
func (r *Repack) WriteFile(ctx context.Context, path string, sink progress.Sink) (*Repacked, error) {
	out, err := atomicfile.Create(path, false)
	if err != nil {
		return nil, err
	}
	defer out.Abort()
	if err := out.Reserve(r.Layout.FileSize); err != nil {
		return nil, err
	}
	task := sink.Start("convert", r.Layout.FileSize-r.Layout.DataOffset+r.Layout.FileSize)
	res, err := r.write(ctx, out, task)
	task.Done(err)
	if err != nil {
		return nil, err
	}
	res.Path = path
	return res, out.Commit()
}

func (r *Repack) write(ctx context.Context, f *atomicfile.File, task progress.Task) (*Repacked, error) {
	rounded := make([]float64, len(r.from))
	digest, err := writeTensors(ctx, f, r.Layout, task, par.CPUs(), len(r.from), func(ctx context.Context, o *output, _, i int) (err error) {
		if rounded[i], err = r.tensor(ctx, i, r.Layout.Section(o.slabs, i)); err != nil {
			return fmt.Errorf("tensor %q: %w", r.src.Tensors[i].Name, err)
		}
		task.Add(r.Layout.Tensors[i].Size)
		return o.pad(i)
	})
	if err != nil {
		return nil, err
	}
	if err := r.src.CheckUnchanged(); err != nil {
		return nil, err
	}
	res := &Repacked{Size: r.Layout.FileSize, SHA256: digest, Types: map[string]int{}, RoundedBy: slices.Max(append(rounded, 0))}
	res.Lossless = res.RoundedBy == 0
	for _, t := range r.Layout.Tensors {
		res.Types[t.TypeName()]++
	}
	return res, nil
}

// tensor writes tensor i and tells by which share of it its scale had to be
// rounded.
func (r *Repack) tensor(ctx context.Context, i int, w io.Writer) (float64, error) {
	src, dst := r.src.Tensors[i], r.Layout.Tensors[i]
	section := r.src.Section(src)
	if r.from[i].Name == "" {
		return 0, copyAll(ctx, w, section)
	}
	to, _ := quant.Lookup(dst.Type)
	x := &recoder{from: r.from[i], to: to, src: section, size: src.Size, rows: src.Rows(), cols: src.Cols(), w: w}
	if err := x.run(ctx); err != nil {
		return 0, err
	}
	return x.rounded, nil
}

// roundingOf gives the share by which F16 rounds a scale.
func roundingOf(s quant.Scale) (float64, error) {
	c, _ := quant.Lookup(quant.F16)
	var b [2]byte
	if err := c.Encode(b[:], []float32{float32(s)}, 0); err != nil {
		return 0, fmt.Errorf("scale: %w", err)
	}
	var v [1]float32
	if err := c.Decode(v[:], b[:], 0); err != nil {
		return 0, err
	}
	if s == 0 {
		return 0, nil
	}
	return math.Abs(float64(v[0])-float64(s)) / float64(s), nil
}
