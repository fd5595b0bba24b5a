package gguf

import (
	"context"
	"fmt"
	"os"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/progress"
)

// maxParts is what the five digits of a part's name and the 16 bits of its keys
// have room for.
const maxParts = 1<<16 - 1

// Part describes one file that [File.Split] wrote.
type Part struct {
	Path    string
	Size    int64 // bytes
	Tensors int
}

// Split writes f as a set of parts of at most perPart tensors each, named
// prefix-00001-of-0000N.gguf. The first has all metadata. The parts appear when
// all are complete and on the disk, the first, which loaders open, last; after
// an error none is left. A part that exists already is fs.ErrExist; room is made sure
// of before the first is written.
func (f *File) Split(ctx context.Context, prefix string, perPart int, sink progress.Sink) (out []Part, err error) {
	if err := f.copyable(); err != nil {
		return nil, err
	}
	layouts, err := f.partLayouts(perPart)
	if err != nil {
		return nil, err
	}
	files := make([]*atomicfile.File, 0, len(layouts))
	defer func() {
		for _, w := range files {
			w.Abort()
		}
		if err != nil {
			out = nil
		}
	}()
	var total int64
	for i, l := range layouts {
		w, err := atomicfile.Create(PartName(prefix, i, len(layouts)), false)
		if err != nil {
			return nil, err
		}
		files = append(files, w)
		if err := w.Reserve(l.FileSize); err != nil {
			return nil, err
		}
		total += l.FileSize - l.DataOffset
	}
	task := sink.Start("split", total)
	for i, l := range layouts {
		ts := f.Tensors[i*perPart:][:len(l.Tensors)]
		if err = l.writeCopy(ctx, files[i].File, f, ts, task); err != nil {
			break
		}
		out = append(out, Part{PartName(prefix, i, len(layouts)), l.FileSize, len(ts)})
	}
	task.Done(err)
	if err == nil {
		err = f.CheckUnchanged()
	}
	if err != nil {
		return nil, err
	}
	for i := len(files) - 1; i >= 0; i-- {
		if err := files[i].Commit(); err != nil {
			for _, p := range out[i+1:] {
				os.Remove(p.Path) //nolint:errcheck // the first error counts
			}
			return nil, err
		}
	}
	return out, nil
}

// partLayouts plans the parts.
func (f *File) partLayouts(perPart int) ([]*Layout, error) {
	if f.Parts() > 1 && len(f.Files()) == 1 {
		return nil, fmt.Errorf("%w: this is one of %d parts already", ErrParts, f.Parts())
	}
	n := (len(f.Tensors) + perPart - 1) / perPart
	if n > maxParts {
		return nil, fmt.Errorf("%w: %d parts, at most %d are possible", ErrParts, n, maxParts)
	}
	var out []*Layout
	for i := range n {
		m := &Meta{}
		if i == 0 {
			m = f.Meta.Clone()
		}
		// What a reader needs to find out type and place of a tensor.
		for _, key := range []string{archKey, alignmentKey, LayoutKey} {
			if v, ok := f.Meta.Value(key); ok {
				m.Set(key, v)
			}
		}
		m.Set(splitNoKey, uint16(i))
		m.Set(splitCountKey, uint16(n))
		m.Set(splitTensorsKey, int32(len(f.Tensors)))
		l, err := LayoutOf(m, f.Tensors[i*perPart:min((i+1)*perPart, len(f.Tensors))])
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
		out = append(out, l)
	}
	return out, nil
}
