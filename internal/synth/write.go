package synth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
)

// Checkpoint is a planned checkpoint: everything but the values, which are
// computed while it is written.
type Checkpoint struct {
	texts  map[string][]byte
	shards []shard
	seed   uint64
}

// Options are what has a good default.
type Options struct {
	Seed     uint64
	MaxShard int64 // most bytes of tensors in a file; 0: 5·10⁹, as transformers has it
}

// New plans a checkpoint of a family, by its name, in a shape. The error wraps
// [ErrOption].
func New(s Shape, familyName string, o Options) (*Checkpoint, error) {
	f, err := lookup(familyName)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if o.MaxShard <= 0 {
		o.MaxShard = 5e9
	}
	c := &Checkpoint{seed: o.Seed}
	if c.shards, err = shards(f.tensors(s), o.MaxShard); err != nil {
		return nil, err
	}
	if c.texts, err = f.texts(s); err != nil {
		return nil, err
	}
	if len(c.shards) > 1 {
		c.texts["model.safetensors.index.json"], err = index(c.shards)
	}
	return c, err
}

// File is a file of a checkpoint and its size in bytes.
type File struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// Files lists the files, sorted by their paths in the folder.
func (c *Checkpoint) Files() []File {
	var out []File
	for name, data := range c.texts {
		out = append(out, File{name, int64(len(data))})
	}
	for _, s := range c.shards {
		out = append(out, File{s.name, s.size})
	}
	slices.SortFunc(out, func(a, b File) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return out
}

// Bytes gives the size of all files together.
func (c *Checkpoint) Bytes() int64 {
	var n int64
	for _, f := range c.Files() {
		n += f.Size
	}
	return n
}

// Write makes the folder dir, which must not exist or be empty, and the files
// in it. They are written into a folder beside it that gets the name dir when
// all are on the disk; after an error it is gone.
func (c *Checkpoint) Write(ctx context.Context, dir string, sink progress.Sink) (err error) {
	dir = filepath.Clean(dir)
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return &fs.PathError{Op: "write into", Path: dir, Err: fs.ErrExist}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	folder, err := atomicfile.CreateFolder(dir)
	if err != nil {
		return err
	}
	defer folder.Abort()
	tmp := folder.Path()
	task := sink.Start("write checkpoint", c.Bytes())
	defer func() { task.Done(err) }()

	for _, name := range slices.Sorted(maps.Keys(c.texts)) {
		if err := writeText(filepath.Join(tmp, filepath.FromSlash(name)), c.texts[name]); err != nil {
			return err
		}
		task.Add(int64(len(c.texts[name])))
	}
	for i := range c.shards {
		if err := c.writeShard(ctx, filepath.Join(tmp, c.shards[i].name), &c.shards[i], task); err != nil {
			return err
		}
	}
	return folder.Commit()
}

func writeText(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return create(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// create makes a file durable with what write puts into it.
func create(path string, write func(f *os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (c *Checkpoint) writeShard(ctx context.Context, path string, s *shard, task progress.Task) error {
	return create(path, func(f *os.File) error {
		if err := f.Truncate(s.size); err != nil {
			return err
		}
		if _, err := f.Write(s.header); err != nil {
			return err
		}
		task.Add(int64(len(s.header)))
		for i := range s.tensors {
			if err := c.writeTensor(ctx, f, &s.tensors[i], task); err != nil {
				return fmt.Errorf("tensor %q: %w", s.tensors[i].name, err)
			}
		}
		return nil
	})
}

// chunkElements is how many elements are made and written at a time.
const chunkElements = 1 << 20

func (c *Checkpoint) writeTensor(ctx context.Context, f *os.File, t *placed, task progress.Task) error {
	src, err := newSource(&t.tensor, c.seed)
	if err != nil {
		return err
	}
	total, width := t.elements(), t.width()
	workers := par.CPUs()
	buffers := make([][]byte, workers)
	chunks := int((total + chunkElements - 1) / chunkElements)
	return par.For(workers, chunks, 1, func(worker, lo, _ int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		first := int64(lo) * chunkElements
		n := min(chunkElements, total-first) * width
		if buffers[worker] == nil {
			buffers[worker] = make([]byte, n)
		}
		b := buffers[worker][:n]
		src.fill(b, first)
		_, err := f.WriteAt(b, t.offset+first*width)
		task.Add(n)
		return err
	})
}
