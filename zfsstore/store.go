package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Store is a store of models below one ZFS dataset. It implements
// [store.Store], [store.Mender], [store.Evidencer] and [store.Warner], with the
// contracts given there.
type Store struct {
	dataset  string
	commands commands

	busyWait time.Duration // how long a busy dataset is waited for
	lockWait time.Duration // and another process's lock

	// stop, in tests, ends Commit or Swap as the death of the process would, before
	// the step of that name.
	stop func(step string) error
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Mender    = (*Store)(nil)
	_ store.Evidencer = (*Store)(nil)
	_ store.Warner    = (*Store)(nil)
)

// Open gives the store below a dataset such as tank/bitnet. The dataset need
// not be there yet, but its parent must be when something is stored. Without
// the programs of OpenZFS the answer is [store.ErrUnavailable].
func Open(ctx context.Context, dataset string) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkDataset(dataset); err != nil {
		return nil, err
	}
	commands, err := findCommands()
	if err != nil {
		return nil, err
	}
	return &Store{dataset: dataset, commands: commands, busyWait: busyWait, lockWait: store.LockWait}, nil
}

// Open gives a published version; the reference may lack the version.
func (s *Store) Open(ctx context.Context, ref store.Ref) (store.Artifact, error) {
	if err := ref.Check(); err != nil {
		return nil, err
	}
	c, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if ref.Version == "" {
		if ref, err = s.currentIn(c, ref.Name); err != nil {
			return nil, err
		}
	}
	v, ok := c.has(ref)
	if !ok {
		return nil, s.notFound(ref)
	}
	return c.open(v)
}

// List gives the published versions.
func (s *Store) List(ctx context.Context) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		c, err := s.read(ctx)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return
		case err != nil:
			yield(store.Info{}, err)
			return
		}
		for _, row := range c.inspect() {
			if !yield(row.Info, row.Err) {
				return
			}
		}
	}
}

// Current finds the current version of a name.
func (s *Store) Current(ctx context.Context, name string) (store.Ref, error) {
	if err := (store.Ref{Name: name}).Check(); err != nil {
		return store.Ref{}, err
	}
	c, err := s.read(ctx)
	if err != nil {
		return store.Ref{}, err
	}
	return s.currentIn(c, name)
}

func (s *Store) currentIn(c *contents, name string) (store.Ref, error) {
	ref := store.Ref{Name: name, Version: c.current(name)}
	switch {
	case ref.Version != "":
		return ref, nil
	case len(c.of(name)) > 0:
		return ref, fmt.Errorf("%w: %s has no current version; choose one with: bitnet-tool use %s@VERSION", store.ErrNotFound, name, name)
	}
	return ref, s.notFound(ref)
}

func (s *Store) notFound(ref store.Ref) error {
	return fmt.Errorf("%w: %s (in zfs:%s)", store.ErrNotFound, ref, s.dataset)
}

// Evidence gives the lines of "zpool status -v" that name the version's
// dataset or its folder.
func (s *Store) Evidence(ctx context.Context, ref store.Ref) ([]string, error) {
	c, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	v, ok := c.has(ref)
	if !ok {
		return nil, s.notFound(ref)
	}
	pool, _, _ := strings.Cut(s.dataset, "/")
	out, err := run(ctx, s.commands.zpool, "status", "-v", pool)
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if names(line, v.name) || v.dir() != "" && names(line, v.dir()) {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// names reports whether a line of zpool begins with a dataset's or folder's
// name: "tank/b/m/v@bitnet-tool:/file", "tank/b/m/v:<0x1>", "/tank/b/m/v/file".
func names(line, name string) bool {
	rest, ok := strings.CutPrefix(line, name)
	return ok && rest != "" && strings.ContainsRune("@:/", rune(rest[0]))
}

// Warnings tells what a user should know about the store's dataset, which is
// never changed: that another program made it, and where its properties, which
// hold for what that program writes, are not those of versions.
func (s *Store) Warnings(ctx context.Context) ([]string, error) {
	names := []string{propStore}
	for _, p := range creation {
		names = append(names, p[0])
	}
	got, err := s.readProperties(ctx, s.dataset, 0, "filesystem", names...)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case len(got) != 1:
		return nil, fmt.Errorf("%w: %s is no filesystem", store.ErrUnavailable, s.dataset)
	}
	var warnings []string
	if got[0].own(propStore) == "" {
		warnings = append(warnings, fmt.Sprintf("the dataset %s was not made by bitnet-tool and is left as it is", s.dataset))
	}
	var other []string
	for _, p := range creation {
		if v := got[0].get(p[0]); v != p[1] && !sameValue(p[0], v) {
			other = append(other, p[0]+"="+v)
		}
	}
	if len(other) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s has %s; versions are made with the properties that docs/guide/zfs.md explains", s.dataset, strings.Join(other, " ")))
	}
	return warnings, nil
}

// sameValue knows how "zfs get -p" prints what was set in another form. For
// xattr=sa OpenZFS 2.3.2 prints "on", which in 2.1 was another setting: a
// warning the less there.
func sameValue(property, value string) bool {
	return property == "recordsize" && value == "1048576" || property == "xattr" && value == "on"
}

// mustWrite refuses what needs root.
func (s *Store) mustWrite() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return fmt.Errorf("%w: on Linux only root mounts and renames ZFS datasets: run the command with sudo, or choose --dir and a folder in a mounted dataset that you own (which keeps that dataset's recordsize and compression)", store.ErrUnavailable)
}
