package runtime

import (
	"errors"
	"runtime/debug"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/mmap"
)

// mapped is an opened model file whose weights are used where they lie.
type mapped struct {
	file  *gguf.File
	views map[*gguf.File]*mmap.Mapping // of the parts that have been asked for
}

// load makes the model. Metadata are read, not mapped.
func (m *mapped) load(o Options) (model *Model, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer m.recoverFault(&err)
	if model, err = load(m.file, o, m.weights); err == nil {
		model.mapped = m
	}
	return model, err
}

// weights gives the bytes of a tensor. The header's own check has placed every
// tensor inside its file, as long as that was then.
func (m *mapped) weights(t gguf.Tensor) ([]byte, error) {
	part, off := m.file.Place(t)
	view := m.views[part]
	if view == nil {
		var err error
		if view, err = mmap.Map(part.Disk()); err != nil {
			return nil, err
		}
		m.views[part] = view
	}
	data := view.Bytes()
	if off+t.Size > int64(len(data)) {
		return nil, ErrFileChanged
	}
	return data[off:][:t.Size:t.Size], nil
}

// close gives the memory back and closes the files.
func (m *mapped) close() error {
	var errs []error
	for _, v := range m.views {
		errs = append(errs, v.Close())
	}
	return errors.Join(append(errs, m.file.Close())...)
}
