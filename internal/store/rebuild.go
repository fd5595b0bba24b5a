package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// rebuilder makes files anew.
type rebuilder struct {
	old, fresh *os.Root
	donors     []Donor
	prover     *Prover
	result     *Repair
}

// all makes the bad files of the version in a folder anew and, if that could be
// done with all of them, copies the good ones. It gives those bad ones that are
// whole again.
func (b *rebuilder) all(ctx context.Context, dir string, bad, good []File) (whole []File, err error) {
	if b.old, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	defer b.old.Close()
	for _, f := range bad {
		right, err := b.rebuild(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		if right {
			whole = append(whole, f)
		}
	}
	if len(whole) < len(bad) {
		return whole, nil
	}
	for _, f := range good {
		if err := b.copy(ctx, f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return whole, nil
}

// copy copies a file, and proves on the way that it is good indeed.
func (b *rebuilder) copy(ctx context.Context, f File) error {
	in, err := OpenFile(b.old, f)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return b.prover.Receive(ctx, b.fresh, in, f, info.ModTime())
}

// rebuild makes one file, and reports whether that could be done.
func (b *rebuilder) rebuild(ctx context.Context, f File) (whole bool, err error) {
	out, err := (&copier{dst: b.fresh}).create(f.Path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	n := &need{file: f, out: out, missing: map[int64]bool{}}
	if err := n.keep(ctx, b.old); err != nil {
		return false, err
	}
	for _, d := range b.donors {
		if len(n.missing) == 0 {
			break
		}
		if err := d.Blocks(ctx, f, n.list(), n.take); err != nil {
			if ctx.Err() != nil || n.err != nil {
				return false, errors.Join(n.err, ctx.Err())
			}
			b.result.Notes = append(b.result.Notes, f.Path+": "+err.Error())
		}
	}
	if len(n.missing) > 0 {
		b.result.Lacks = append(b.result.Lacks, Lack{f.Path, n.bytes()})
		return false, b.fresh.Remove(f.Path)
	}
	// Read again what is on the disk.
	if err := errors.Join(out.Chmod(0o644), out.Sync()); err != nil {
		return false, err
	}
	dropCache(out)
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	return true, b.prover.Send(ctx, io.Discard, out, f)
}

// need is a file being rebuilt.
type need struct {
	file    File
	out     *os.File
	missing map[int64]bool
	err     error // of writing
}

func (n *need) length(block int64) int64 { return min(BlockSize, n.file.Size-block*BlockSize) }

// keep copies the blocks of the damaged file that are right. If there is none,
// or what is there is no plain file, all are missing.
func (n *need) keep(ctx context.Context, root *os.Root) error {
	blocks := blocksIn(n.file.Size)
	for i := range blocks {
		n.missing[i] = true
	}
	in, err := OpenFile(root, n.file)
	if err != nil {
		return nil //nolint:nilerr // what cannot be read is missing
	}
	defer in.Close()
	buf := make([]byte, BlockSize)
	for i := range blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:n.length(i)]
		if k, _ := in.ReadAt(b, i*BlockSize); k < len(b) {
			continue
		}
		if _, err := n.take(i, b); err != nil {
			return err
		}
	}
	return nil
}

// take writes a block if it is missing and right.
func (n *need) take(block int64, data []byte) (right bool, err error) {
	if !n.missing[block] || int64(len(data)) != n.length(block) {
		return false, nil
	}
	sum := sha256.Sum256(data)
	if string(sum[:]) != string(n.file.Blocks[block*sha256.Size:(block+1)*sha256.Size]) {
		return false, nil
	}
	if _, err := n.out.WriteAt(data, block*BlockSize); err != nil {
		n.err = err
		return false, err
	}
	delete(n.missing, block)
	return true, nil
}

// list gives the missing blocks in ascending order.
func (n *need) list() []int64 {
	var blocks []int64
	for i := range blocksIn(n.file.Size) {
		if n.missing[i] {
			blocks = append(blocks, i)
		}
	}
	return blocks
}

func (n *need) bytes() (sum int64) {
	for i := range n.missing {
		sum += n.length(i)
	}
	return sum
}
