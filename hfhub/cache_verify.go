package hfhub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/akadata/bitnet-tool/internal/progress"
)

// Fault is what is wrong with a file of a snapshot.
type Fault string

// What can be wrong. Only these but Extra and Unverifiable are damage.
const (
	Missing      Fault = "missing"      // listed, and not there
	Dangling     Fault = "dangling"     // a link to nothing
	Mismatch     Fault = "mismatch"     // wrong size or digest
	Extra        Fault = "extra"        // there, and not listed
	Unverifiable Fault = "unverifiable" // nothing says what it should be
)

// Finding is one file that is not as it should be.
type Finding struct {
	Path   string
	Fault  Fault
	Detail string
}

// Report is what a verification found.
type Report struct {
	Repo     Repo
	Commit   string
	Path     string // the snapshot
	Verified int    // files with the right digest
	Bytes    int64  // in them
	Hashed   int64  // bytes that were read, of files with the right size
	Total    int64  // bytes of the files that are known
	Findings []Finding

	// Complete says that every file of the commit is there. Unproven says
	// that nobody knows which files those are.
	Complete bool
	Unproven bool
}

// Damage reports whether a file is missing or wrong. A file of the commit that
// was never fetched is no damage.
func (r *Report) Damage() error {
	for _, f := range r.Findings {
		if f.Fault == Dangling || f.Fault == Mismatch {
			return fmt.Errorf("%w: %s: %s %s", ErrDamaged, f.Path, f.Fault, f.Detail)
		}
	}
	return nil
}

// Verify hashes all files of a snapshot without the network. The list that
// came with the commit says what they should be, else the names of the blobs.
func (c *Cache) Verify(ctx context.Context, r Repo, rev string, sink progress.Sink) (*Report, error) {
	commit, ok := c.Commit(r, rev)
	if !ok {
		return nil, fmt.Errorf("%w: %s@%s", ErrOffline, r, rev)
	}
	if _, err := c.root.Stat(snapshotOf(r, commit)); err != nil {
		return nil, fmt.Errorf("%w: %s@%s: no snapshot of %.12s", ErrOffline, r, rev, commit)
	}
	v := &verification{c: c, rep: &Report{Repo: r, Commit: commit, Path: c.Snapshot(r, commit)}}
	there, err := c.entries(r, commit)
	if err != nil {
		return nil, err
	}
	files, known := c.tree(r, commit)
	if !known {
		if files, err = c.listed(r, commit); err != nil {
			return nil, err
		}
	}
	v.rep.Unproven, v.rep.Complete = !known, known
	v.rep.Total = TotalSize(files)
	v.task = sink.Start("verify "+r.ID, v.rep.Total)
	err = v.all(ctx, files, there)
	v.task.Done(err)
	return v.rep, err
}

// verification is a Verify under way.
type verification struct {
	c    *Cache
	rep  *Report
	task progress.Task
}

func (v *verification) all(ctx context.Context, files []File, there []string) error {
	extra := map[string]bool{}
	for _, p := range there {
		extra[p] = true
	}
	for _, f := range files {
		if !extra[f.Path] {
			v.add(f.Path, Missing, "")
			v.rep.Complete = false
			continue
		}
		delete(extra, f.Path)
		if err := v.one(ctx, f); err != nil {
			return err
		}
	}
	for _, p := range there {
		if !extra[p] {
			continue
		}
		if _, err := v.c.root.Stat(snapshotOf(v.rep.Repo, v.rep.Commit) + "/" + p); err != nil {
			v.add(p, Dangling, "")
			continue
		}
		v.add(p, Extra, "")
	}
	return nil
}

func (v *verification) isLink(name string) bool {
	info, err := v.c.root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// one verifies a file that has an entry.
func (v *verification) one(ctx context.Context, f File) error {
	name := snapshotOf(v.rep.Repo, v.rep.Commit) + "/" + f.Path
	info, err := v.c.root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.rep.Complete = false
		v.add(f.Path, Dangling, "")
		return nil
	case err != nil && !errors.Is(err, fs.ErrPermission) && v.isLink(name):
		// os.Root has no error to tell this by: the link leads out of the cache.
		v.rep.Complete = false
		v.add(f.Path, Dangling, err.Error())
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Size() != f.Size:
		v.add(f.Path, Mismatch, fmt.Sprintf("%d bytes, not %d", info.Size(), f.Size))
		return nil
	case f.ETag() == "":
		v.add(f.Path, Unverifiable, "")
		return nil
	}
	defer progress.Part(v.task, f.Path)()
	got, err := digestOf(ctx, v.c.root, name, f.ETag(), func(n int64) {
		v.rep.Hashed += n
		v.task.Add(n)
	})
	if err != nil {
		return err
	}
	if got != f.ETag() {
		v.add(f.Path, Mismatch, fmt.Sprintf("digest %s, not %s", got, f.ETag()))
		return nil
	}
	v.rep.Verified++
	v.rep.Bytes += f.Size
	return nil
}

func (v *verification) add(path string, fault Fault, detail string) {
	v.rep.Findings = append(v.rep.Findings, Finding{path, fault, detail})
}
