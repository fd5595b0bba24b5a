package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/akadata/bitnet-tool/internal/progress"
)

// Put makes a version of a source's files. m tells what is known of them:
// Source, Completeness, Omitted, Tool; Put and Commit fill in the rest. If the
// version is there already nothing is copied: files that the Hub names are
// compared by that, others are hashed. See [Tx.Commit] for the outcome.
func Put(ctx context.Context, s Store, ref Ref, o Origin, m *Manifest, sink progress.Sink) (Published, error) {
	if err := ref.Check(); err != nil {
		return Published{}, err
	}
	if len(o.Entries) == 0 {
		return Published{}, fmt.Errorf("%w: it has no files", ErrSource)
	}
	if err := checkEntries(o.Entries, false); err != nil {
		return Published{}, err
	}
	there, err := find(ctx, s, ref, o, m, sink)
	if err != nil {
		return Published{}, err
	}
	if there != nil {
		info, err := settled(ctx, s, *there)
		return Published{Info: info}, err
	}
	tx, err := s.Begin(ctx, ref, o.Size())
	if err != nil {
		return Published{}, err
	}
	m.Files, err = Copy(ctx, tx.Root(), o, sink)
	if err != nil {
		return Published{}, errors.Join(err, tx.Abort())
	}
	m.Verified = verified(o.Entries)
	return tx.Commit(ctx, m)
}

func verified(entries []Entry) bool {
	for _, e := range entries {
		if !e.Hub.Known() {
			return false
		}
	}
	return true
}

// find looks for a version that is what the source would become; nil if there
// is none. What cannot be published is an error before anything is read.
func find(ctx context.Context, s Store, ref Ref, o Origin, m *Manifest, sink progress.Sink) (*Info, error) {
	var like []Info // of the same name, or the very version if it is given
	listed, stop := collect(s.List(ctx))
	planned := &Manifest{Name: ref.Name, Version: ref.Version, Source: m.Source}
	if _, err := Admit(listed, planned); err != nil {
		return nil, err
	}
	if err := stop(); err != nil {
		return nil, err
	}
	for info, err := range listed {
		if info.Ref.Name != ref.Name || ref.Version != "" && info.Ref.Version != ref.Version {
			continue
		}
		if err != nil && ref.Version != "" {
			return nil, err
		}
		if info.Manifest != nil && (ref.Version != "" || sameShape(info.Manifest, o)) {
			like = append(like, info)
		}
	}
	if len(like) == 0 {
		return nil, nil
	}
	return choose(ctx, ref, o, like, sink)
}

// collect remembers a listing, so that it can be walked through again; the
// function gives the error that ended it.
func collect(list iter.Seq2[Info, error]) (iter.Seq2[Info, error], func() error) {
	type row struct {
		info Info
		err  error
	}
	var rows []row
	var last error
	for info, err := range list {
		if err != nil && info.Ref.Name == "" {
			last = err
			break
		}
		rows = append(rows, row{info, err})
	}
	again := func(yield func(Info, error) bool) {
		for _, r := range rows {
			if !yield(r.info, r.err) {
				return
			}
		}
	}
	return again, func() error { return last }
}

// choose compares the source with versions that could be the same.
func choose(ctx context.Context, ref Ref, o Origin, like []Info, sink progress.Sink) (*Info, error) {
	var digest Digest
	for _, info := range like {
		same, decided := sameIdentities(info.Manifest, o)
		if !decided {
			if digest == "" {
				var err error
				if digest, err = digestOf(ctx, o, sink); err != nil {
					return nil, err
				}
			}
			same = digest == info.Digest
		}
		if same {
			return &info, nil
		}
		if ref.Version != "" {
			return nil, fmt.Errorf("%w: %s holds other content; choose another version with --as %s@VERSION", ErrConflict, ref, ref.Name)
		}
	}
	return nil, nil
}

func digestOf(ctx context.Context, o Origin, sink progress.Sink) (Digest, error) {
	files, err := describe(ctx, o, sink)
	return DigestOf(files), err
}

// sameShape reports whether the paths and sizes are those of the source.
func sameShape(m *Manifest, o Origin) bool {
	if len(m.Files) != len(o.Entries) {
		return false
	}
	for i, e := range o.Entries {
		if f := m.Files[i]; f.Path != e.Path || f.Size != e.Size {
			return false
		}
	}
	return true
}

// sameIdentities compares by the Hub's names of the content alone. It is not
// decided if there is a file that has none.
func sameIdentities(m *Manifest, o Origin) (same, decided bool) {
	if !sameShape(m, o) {
		return false, true
	}
	for i, e := range o.Entries {
		f := m.Files[i]
		switch {
		case e.Hub.SHA256 != "":
			if f.SHA256.Hex() != e.Hub.SHA256 {
				return false, true
			}
		case e.Hub.GitOID == "", f.Hub.SHA256 != "", f.Hub.GitOID == "":
			return false, false
		case f.Hub.GitOID != e.Hub.GitOID:
			return false, true
		}
	}
	return true, true
}

// settled looks at a version that is there: if the process that stored it died
// before it was done, its work is completed.
func settled(ctx context.Context, s Store, info Info) (Info, error) {
	err := s.Clean(ctx)
	if err != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, fs.ErrPermission) {
		return Info{}, err // who may only read has the version all the same
	}
	a, err := s.Open(ctx, info.Ref)
	if err != nil {
		return Info{}, err
	}
	return a.Info(), errors.Join(a.Close(), whole(ctx, s, info))
}

// whole reports whether all files of a version are there with their sizes.
// That they are right is for [Check] to prove.
func whole(ctx context.Context, s Store, info Info) error {
	a, err := s.Open(ctx, info.Ref)
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // a folder that was read
	for _, f := range a.Manifest().Files {
		st, err := fs.Stat(a.FS(), f.Path)
		if err != nil || !st.Mode().IsRegular() || st.Size() != f.Size {
			return fmt.Errorf("%w: %s is in the store, but its %q is missing or cut; see bitnet-tool fsck %s", ErrDamaged, info.Ref, f.Path, info.Ref)
		}
	}
	return nil
}
