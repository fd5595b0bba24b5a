package hfhub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Target is a place that a revision is pulled to: a [Cache] or a [LocalDir].
type Target interface {
	Commit(r Repo, rev string) (string, bool)                                // what is known of a revision
	tree(r Repo, commit string) ([]File, bool)                               // what is known of a commit
	listed(r Repo, commit string) ([]File, error)                            // what is there, if no more is known
	has(p *Plan, f File) bool                                                // f is there, whole, under its name
	stored(p *Plan, f File) bool                                             // a cache beside t has f, by its size
	unnamed(p *Plan, f File) bool                                            // t has the content of f, by its size, and only the name is missing
	path(p *Plan) string                                                     // where the files are for users
	space() string                                                           // folder on the file system that is written to
	prepare(p *Plan) error                                                   // before the first file
	place(p *Plan, f File) place                                             // where f is made
	adopt(ctx context.Context, p *Plan, files []File) (bool, error)          // name content that is there already
	publish(ctx context.Context, p *Plan, part *partial, files []File) error // name content that was fetched
	absent(p *Plan, file string) error                                       // the Hub has no such file
	finish(p *Plan) error                                                    // after the last file
}

// Request says what to pull.
type Request struct {
	Repo     Repo
	Revision string // "" is "main"
	Filter   Filter
}

// Plan is what a pull is about, found out before the first byte.
type Plan struct {
	Repo     Repo
	Revision string // as asked
	Commit   string // that it stood for
	Renamed  string // the repository's new id, if it has another one now
	Files    []File // wanted, by path
	All      []File // of the commit

	// Cached says that the network was not asked: it may not be, or failed.
	Cached bool
	// Unproven says that nobody knows whether All is all: the snapshot was
	// made by a program that keeps no list of files.
	Unproven bool
}

// Plan finds the commit and its files. Without the network, or if that fails,
// it takes what t knows; t may be nil. Every file of an offline plan is there,
// or in the cache that a [LocalDir] copies from.
func (c *Client) Plan(ctx context.Context, t Target, rq Request) (*Plan, error) {
	if rq.Revision == "" {
		rq.Revision = "main"
	}
	if err := errors.Join(rq.Repo.Check(), CheckRevision(rq.Revision)); err != nil {
		return nil, err
	}
	if c.o.Offline {
		return c.offline(t, rq)
	}
	p, err := c.online(ctx, t, rq)
	if err == nil || t == nil || ctx.Err() != nil || !unreachable(err) {
		return p, err
	}
	p, oerr := c.offline(t, rq)
	if oerr != nil || p.Unproven {
		return nil, err
	}
	c.o.Notify(fmt.Sprintf("%v; going on with commit %.12s, which is complete here", err, p.Commit))
	return p, nil
}

// unreachable reports whether an error says nothing but that the Hub cannot be
// asked at the moment.
func unreachable(err error) bool {
	return isTransient(err) && !errors.Is(err, ErrRateLimited)
}

func (c *Client) online(ctx context.Context, t Target, rq Request) (*Plan, error) {
	rev, err := c.Resolve(ctx, rq.Repo, rq.Revision)
	if err != nil {
		return nil, err
	}
	p := &Plan{Repo: rq.Repo, Revision: rq.Revision, Commit: rev.Commit}
	if rev.ID != "" && rev.ID != rq.Repo.ID {
		p.Renamed = line(rev.ID)
	}
	known := false
	if t != nil {
		p.All, known = t.tree(p.Repo, p.Commit)
	}
	if !known {
		if p.All, err = c.Tree(ctx, p.Repo, p.Commit); err != nil {
			return nil, err
		}
	}
	return p, p.choose(rq.Filter)
}

// offline plans from what is there, and fails if a wanted file is not.
func (c *Client) offline(t Target, rq Request) (*Plan, error) {
	missing := func(what string) error {
		return fmt.Errorf("%w: %s@%s: %s", ErrOffline, rq.Repo, rq.Revision, what)
	}
	if t == nil {
		return nil, missing("no cache")
	}
	p := &Plan{Repo: rq.Repo, Revision: rq.Revision, Cached: true}
	var ok bool
	if p.Commit, ok = t.Commit(rq.Repo, rq.Revision); !ok {
		return nil, missing("revision is not known")
	}
	if p.All, ok = t.tree(p.Repo, p.Commit); !ok {
		var err error
		if p.All, err = t.listed(p.Repo, p.Commit); err != nil || len(p.All) == 0 {
			return nil, errors.Join(missing("no snapshot"), err)
		}
		p.Unproven = true
	}
	if err := p.choose(rq.Filter); err != nil {
		return nil, err
	}
	for _, f := range p.Files {
		if !p.Unproven && !t.has(p, f) && !t.stored(p, f) {
			return nil, missing(fmt.Sprintf("%q is missing", f.Path))
		}
	}
	return p, nil
}

// choose applies the filter.
func (p *Plan) choose(f Filter) error {
	match := f.matcher()
	for _, file := range p.All {
		if match(file.Path) {
			p.Files = append(p.Files, file)
		}
	}
	if len(p.Files) == 0 && len(p.All) > 0 {
		return fmt.Errorf("%w: no file of %s matches %s", ErrNotFound, p.Repo, strings.Join(f.Include, " "))
	}
	return nil
}

// Missing lists the wanted files that must come over the network.
func (p *Plan) Missing(t Target) []File {
	return slices.DeleteFunc(p.lacking(t), func(f File) bool { return t != nil && (t.stored(p, f) || t.unnamed(p, f)) })
}

// lacking lists the wanted files that are not at t. Of a snapshot about which
// nothing is proven, all is there that was listed.
func (p *Plan) lacking(t Target) []File {
	if p.Unproven {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Files), func(f File) bool { return t != nil && t.has(p, f) })
}

// TotalSize sums the sizes of files.
func TotalSize(files []File) int64 {
	var n int64
	for _, f := range files {
		n += f.Size
	}
	return n
}
