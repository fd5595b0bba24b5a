package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/akadata/bitnet-tool/internal/progress"
)

// Mender is a store that can put new files in the place of a version's damaged
// ones.
type Mender interface {
	// Mend opens a staging area for new files of a version, size bytes in all,
	// as [Store.Begin] does for a new version: so much must be free, else the
	// answer is [ErrSpace] and nothing was made.
	Mend(ctx context.Context, ref Ref, size int64) (Mending, error)
}

// Mending is a repair being made. It is used by one goroutine and must end in
// Abort, also after Swap.
type Mending interface {
	// Root is the folder to write into, under the paths of the version.
	Root() *os.Root

	// Swap puts each file, which the caller has synced, in its place at once: a
	// reader sees the old one or the new one. The version must still be the one that
	// lists them, else the answer is [ErrConflict] or [ErrNotFound]. A power
	// cut may leave some files swapped and others not.
	Swap(ctx context.Context, files []File) error

	// Abort removes what is left of the staging area.
	Abort() error
}

// Take is given the content that a block might have, and reports whether it
// has: only then it is kept.
type Take func(block int64, data []byte) (right bool, err error)

// Donor may have content that a version lacks.
type Donor interface {
	// Blocks gives to take what it has of the blocks of f, by their numbers in
	// ascending order. What it gives need not be right. An error says why it
	// could not give more, and another donor is asked; an error of take is
	// returned at once.
	Blocks(ctx context.Context, f File, blocks []int64, take Take) error
}

// Repair is what became of a repair.
type Repair struct {
	Files []string // that are whole again
	Lacks []Lack
	Notes []string // why donors gave nothing, for people
}

// Lack is a file that could not be repaired.
type Lack struct {
	File  string
	Bytes int64 // that nobody had
}

// Mend repairs the files of a version that found, the findings of [Check],
// says are damaged: each is built anew from its own good blocks and those of
// the donors, asked in their order, proven by its SHA-256, and swapped in. What
// is not in the manifest is left alone. A store that is no [Mender] is
// [ErrUnavailable].
func Mend(ctx context.Context, s Store, a Artifact, found []Damage, donors []Donor, sink progress.Sink) (r Repair, err error) {
	files := damaged(a.Manifest(), found)
	if len(files) == 0 {
		return r, nil
	}
	mender, ok := s.(Mender)
	if !ok {
		return r, fmt.Errorf("%w: versions in this kind of store are not repaired in place; store or import %s again under another version, use that, and rm this one", ErrUnavailable, a.Info().Ref)
	}
	var size int64
	for _, f := range files {
		size += f.Size
	}
	t, err := mender.Mend(ctx, a.Info().Ref, size)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, t.Abort()) }()
	old, err := os.OpenRoot(a.Dir())
	if err != nil {
		return r, err
	}
	defer old.Close()
	task := sink.Start("repair "+a.Info().Ref.String(), size)
	defer func() { task.Done(err) }()
	b := rebuilder{old: old, fresh: copier{dst: t.Root()}, donors: donors, prover: NewProver(task.Add), result: &r}
	var whole []File
	for _, f := range files {
		right, err := b.rebuild(ctx, f)
		if err != nil {
			return Repair{Notes: r.Notes}, noSpace(fmt.Errorf("%s: %w", f.Path, err))
		}
		if right {
			whole = append(whole, f)
		}
	}
	if len(whole) == 0 {
		return r, nil
	}
	if err := t.Swap(ctx, whole); err != nil {
		return Repair{Notes: r.Notes}, err
	}
	for _, f := range whole {
		r.Files = append(r.Files, f.Path)
	}
	return r, nil
}

// damaged lists the files of a manifest that the findings are about.
func damaged(m *Manifest, found []Damage) []File {
	var files []File
	for _, f := range m.Files {
		for _, d := range found {
			if d.File == f.Path && d.Kind != Broken {
				files = append(files, f)
				break
			}
		}
	}
	return files
}

// rebuilder makes files anew.
type rebuilder struct {
	old    *os.Root
	fresh  copier
	donors []Donor
	prover *Prover
	result *Repair
}

// rebuild makes one file, and reports whether that could be done.
func (b *rebuilder) rebuild(ctx context.Context, f File) (whole bool, err error) {
	out, err := b.fresh.create(f.Path)
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
		return false, b.fresh.dst.Remove(f.Path)
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
