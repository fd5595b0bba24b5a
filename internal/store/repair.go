package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/akadata/bitnet-tool/internal/progress"
)

// Mender is a store that can put new files in the place of a version's damaged
// ones.
type Mender interface {
	// MendsWhole reports that a version is replaced as a whole: then all its
	// files are written anew, also those that are good.
	MendsWhole() bool

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
	// cut may leave some files swapped and others not, unless the version is
	// replaced as a whole; then nobody may have anything of it open, else the
	// answer is [ErrLocked].
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
// is not in the manifest is left alone. The caller has closed the version, which
// info describes. A store that is no [Mender] is [ErrUnavailable].
//
// In a store that replaces versions as a whole no file is repaired while
// another cannot be.
func Mend(ctx context.Context, s Store, info Info, found []Damage, donors []Donor, sink progress.Sink) (r Repair, err error) {
	bad, good := divide(info.Manifest, found)
	if len(bad) == 0 {
		return r, nil
	}
	mender, ok := s.(Mender)
	if !ok {
		return r, fmt.Errorf("%w: versions in this kind of store cannot be repaired", ErrUnavailable)
	}
	if !mender.MendsWhole() {
		good = nil
	}
	size := sizeOf(bad) + sizeOf(good)
	t, err := mender.Mend(ctx, info.Ref, size)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, t.Abort()) }()
	task := sink.Start("repair "+info.Ref.String(), size)
	defer func() { task.Done(err) }()
	b := rebuilder{fresh: t.Root(), donors: donors, prover: NewProver(task.Add), result: &r}
	whole, err := b.all(ctx, info.Dir, bad, good)
	if err != nil {
		return Repair{Notes: r.Notes}, noSpace(err)
	}
	if len(whole) == 0 || mender.MendsWhole() && len(r.Lacks) > 0 {
		return r, nil
	}
	if err := t.Swap(ctx, append(whole, good...)); err != nil {
		return Repair{Notes: r.Notes}, err
	}
	for _, f := range whole {
		r.Files = append(r.Files, f.Path)
	}
	return r, nil
}

// divide tells the files of a manifest that the findings are about from the
// others.
func divide(m *Manifest, found []Damage) (bad, good []File) {
	for _, f := range m.Files {
		if slices.ContainsFunc(found, func(d Damage) bool { return d.File == f.Path && d.Kind != Broken }) {
			bad = append(bad, f)
		} else {
			good = append(good, f)
		}
	}
	return bad, good
}

func sizeOf(files []File) (n int64) {
	for _, f := range files {
		n += f.Size
	}
	return n
}
