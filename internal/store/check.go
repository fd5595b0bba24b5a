package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/akadata/bitnet-tool/internal/digest"
	"github.com/akadata/bitnet-tool/internal/progress"
)

// Kind is what is wrong with a part of a version.
type Kind string

// What can be wrong.
const (
	Changed    Kind = "changed"    // bytes are not what they were
	Unreadable Kind = "unreadable" // the disk does not give them back
	Missing    Kind = "missing"    // the file is not there
	Resized    Kind = "size"       // the file is longer or shorter
	Extra      Kind = "extra"      // not in the manifest
	NotPlain   Kind = "not-plain"  // a link, a folder or a device is in the file's place
	Broken     Kind = "manifest"   // the manifest cannot be read or contradicts itself
)

// Damage is one finding of [Check].
type Damage struct {
	File   string
	Offset int64  // of the first byte that may be bad
	Length int64  // of what may be bad: whole blocks
	Tensor string // names of the tensors there, joined by ", "; "" if none is known
	Kind   Kind
	Detail string // for people
}

// Locate names the tensors that lie in a part of a file. It is given to
// [Check], because this package knows no formats; what it does not know it
// answers with nothing. The file may be damaged.
type Locate func(fsys fs.FS, file string, offset, length int64) []string

// Check reads all of a version and lists what is not as the manifest has it,
// by file and offset. A part that the disk does not give back is damaged as
// one that is wrong; an error means that the check itself could not go on.
// locate may be nil.
func Check(ctx context.Context, a Artifact, locate Locate, sink progress.Sink) (found []Damage, err error) {
	m := a.Manifest()
	task := sink.Start("fsck "+m.Ref().String(), m.Size())
	defer func() { task.Done(err) }()
	root, err := os.OpenRoot(a.Dir())
	if err != nil {
		return nil, err
	}
	defer root.Close()
	c := checker{root: root, fsys: a.FS(), locate: locate, add: task.Add}
	for _, f := range m.Files {
		if err := c.file(ctx, f); err != nil {
			return c.found, err
		}
	}
	return c.found, c.extra(m)
}

type checker struct {
	root   *os.Root
	fsys   fs.FS
	locate Locate
	add    func(int64)
	found  []Damage
}

func (c *checker) report(d Damage) { c.found = append(c.found, d) }

// file checks one file.
func (c *checker) file(ctx context.Context, f File) error {
	info, err := c.root.Lstat(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		c.report(Damage{File: f.Path, Length: f.Size, Kind: Missing, Detail: "is not there"})
		return nil
	}
	if err == nil && !info.Mode().IsRegular() {
		c.report(Damage{File: f.Path, Length: f.Size, Kind: NotPlain, Detail: "is " + kindOf(info.Mode()) + ", no plain file"})
		return nil
	}
	var in *os.File
	if err == nil {
		in, err = openPlain(c.root, f.Path)
	}
	if errors.Is(err, fs.ErrPermission) {
		return err // says nothing about the bytes
	}
	if err != nil {
		c.report(Damage{File: f.Path, Length: f.Size, Kind: Unreadable, Detail: err.Error()})
		return nil
	}
	defer in.Close()
	dropCache(in)
	if info.Size() != f.Size {
		c.report(Damage{
			File: f.Path, Offset: min(info.Size(), f.Size), Length: max(info.Size(), f.Size) - min(info.Size(), f.Size),
			Kind: Resized, Detail: fmt.Sprintf("has %d bytes, not %d", info.Size(), f.Size),
		})
	}
	return c.content(ctx, in, f)
}

// content compares block after block.
func (c *checker) content(ctx context.Context, in io.ReaderAt, f File) error {
	pair, right := digest.New(), true
	buf := make([]byte, BlockSize)
	for i := int64(0); i < blocksIn(f.Size); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		off := i * BlockSize
		b := buf[:min(BlockSize, f.Size-off)]
		n, err := in.ReadAt(b, off)
		if n < len(b) {
			right = false
			if !errors.Is(err, io.EOF) { // the end is reported by its size
				c.bad(f.Path, off, int64(len(b)), Unreadable, err.Error())
			}
			c.add(int64(len(b)))
			continue
		}
		sum := pair.Block(b)
		if string(sum[:]) != string(f.Blocks[i*sha256.Size:(i+1)*sha256.Size]) {
			right = false
			c.bad(f.Path, off, int64(len(b)), Changed, "is not what was stored")
		}
		c.add(int64(len(b)))
	}
	if right && NewDigest(pair.Sum()) != f.SHA256 {
		c.report(Damage{File: f.Path, Length: f.Size, Kind: Broken, Detail: "the digests of its blocks and of the whole in the manifest contradict each other"})
	}
	return nil
}

// bad reports a block, as one with the block before if nothing tells them
// apart.
func (c *checker) bad(file string, off, length int64, kind Kind, detail string) {
	tensor := ""
	if c.locate != nil {
		tensor = strings.Join(c.locate(c.fsys, file, off, length), ", ")
	}
	if n := len(c.found); n > 0 {
		last := &c.found[n-1]
		if last.File == file && last.Kind == kind && last.Tensor == tensor && last.Detail == detail && last.Offset+last.Length == off {
			last.Length += length
			return
		}
	}
	c.report(Damage{File: file, Offset: off, Length: length, Tensor: tensor, Kind: kind, Detail: detail})
}

// extra reports what is there and not in the manifest.
func (c *checker) extra(m *Manifest) error {
	return fs.WalkDir(c.fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			return err
		case err != nil:
			c.report(Damage{File: p, Kind: Unreadable, Detail: err.Error()})
			return fs.SkipDir
		case p == MetaDir:
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		if _, known := m.File(p); !known {
			c.report(Damage{File: p, Kind: Extra, Detail: "is not in the manifest"})
		}
		return nil
	})
}
