package gguf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/progress"
)

// Copy writes f to path with the metadata m. Tensors keep their bytes, types and
// order. The file appears only when it is complete and on the disk; without
// force one that exists is fs.ErrExist. With force, path may be that of f: it is
// replaced and keeps its permissions. Too little room is found out before anything
// is written. It gives the size of the new file.
func (f *File) Copy(ctx context.Context, path string, m *Meta, force bool, sink progress.Sink) (size int64, err error) {
	if err := f.copyable(); err != nil {
		return 0, err
	}
	ts, err := statedLayout(f.Tensors, m)
	if err != nil {
		return 0, err
	}
	l, err := LayoutOf(m, ts)
	if err != nil {
		return 0, err
	}
	out, err := atomicfile.Create(path, force)
	if err != nil {
		return 0, err
	}
	defer out.Abort()
	if st, err := os.Lstat(path); err == nil && force {
		if err := out.Chmod(st.Mode().Perm()); err != nil {
			return 0, err
		}
	}
	if err := out.Reserve(l.FileSize); err != nil {
		return 0, err
	}
	task := sink.Start("copy", l.FileSize-l.DataOffset)
	err = l.writeCopy(ctx, out.File, f, f.Tensors, task)
	task.Done(err)
	if err == nil {
		err = f.CheckUnchanged()
	}
	if err != nil {
		return 0, err
	}
	return l.FileSize, out.Commit()
}

// copyable refuses files whose data a written file cannot hold as it is.
func (f *File) copyable() error {
	if f.ByteOrder != binary.LittleEndian {
		return fmt.Errorf("%w: big-endian file", ErrUnsupported)
	}
	if f.Version < 2 {
		return fmt.Errorf("%w: version %d", ErrUnsupported, f.Version)
	}
	return nil
}

// writeCopy writes the whole file l describes, taking the data of its tensors
// from ts in src.
func (l *Layout) writeCopy(ctx context.Context, dst *os.File, src *File, ts []Tensor, task progress.Task) error {
	if err := l.WriteFrame(dst); err != nil {
		return err
	}
	for i, t := range ts {
		if err := src.copyTo(ctx, dst, l.DataOffset+l.Tensors[i].Offset, t, task); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// copyTo copies the bytes of a tensor. Between two files the kernel does it, and
// on some file systems without moving any data (copy_file_range).
func (f *File) copyTo(ctx context.Context, dst *os.File, off int64, t Tensor, task progress.Task) error {
	const step = 32 << 20
	var r io.Reader = f.Section(t)
	if o, ok := f.closer.(*opened); ok {
		if _, err := o.Seek(f.DataOffset+t.Offset, io.SeekStart); err != nil {
			return err
		}
		r = o.File
	}
	if _, err := dst.Seek(off, io.SeekStart); err != nil {
		return err
	}
	for left := t.Size; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(dst, r, min(step, left))
		left -= n
		task.Add(n)
		if errors.Is(err, io.EOF) {
			return changed(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Rename changes general.architecture and with it the prefix of all keys that
// begin with the old one.
func (m *Meta) Rename(arch string) {
	old, _ := Get[string](m, archKey)
	if old == arch {
		return
	}
	var n Meta
	for k, v := range m.All() {
		if rest, ok := strings.CutPrefix(k, old+"."); ok && old != "" {
			k = arch + "." + rest
		}
		n.Set(k, v)
	}
	n.Set(archKey, arch)
	*m = n
}

// Clone gives a copy of m that can be changed by itself; values are shared.
func (m *Meta) Clone() *Meta {
	n := &Meta{}
	for k, v := range m.All() {
		n.Set(k, v)
	}
	return n
}
