package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// stored finds the version in the store that an argument names, nil if it is
// a path: because of how it begins, because there is such a file, or because
// no version has that name. What could be both is refused.
func (c *call) stored(ctx context.Context, arg string) (store.Artifact, error) {
	ref, err := store.ParseRef(arg)
	if isPath(arg) || strings.Contains(arg, "/") || err != nil {
		return nil, nil //nolint:nilerr // a path then
	}
	_, lerr := os.Lstat(arg)
	s, at, err := openStore(ctx, c)
	var a store.Artifact
	if err == nil {
		a, err = s.Open(ctx, ref)
	}
	switch {
	case err == nil && lerr == nil:
		a.Close() //nolint:errcheck // a folder that was read
		return nil, usagef("%s is a file here and a model in %s", arg, at).
			suggest("./%s is the file, %s the model", arg, a.Info().Ref)
	case err == nil:
		return a, nil
	case s == nil && !c.storeGiven():
		return nil, nil // nor is there a home folder that could hold a store
	case lerr == nil, errors.Is(err, store.ErrNotFound) && !strings.Contains(arg, "@"):
		return nil, nil // the path, there or not
	}
	return nil, hintStore(err, at)
}

// modelFile gives the GGUF file that an argument names: a path, or the only
// one of a version in the store.
func (c *call) modelFile(ctx context.Context, arg string) (string, error) {
	a, err := c.stored(ctx, arg)
	if a == nil || err != nil {
		return arg, err
	}
	defer a.Close() //nolint:errcheck // a folder that was read
	return fileIn(a, "*.gguf")
}

// modelSource gives the folder or file to convert that an argument names, and
// the version it is if it is one. That is to be closed.
func (c *call) modelSource(ctx context.Context, arg string) (string, store.Artifact, error) {
	a, err := c.stored(ctx, arg)
	if a == nil || err != nil {
		return arg, nil, err
	}
	path := a.Dir()
	if _, isHF := a.Manifest().File("config.json"); !isHF {
		path, err = fileIn(a, "*.gguf")
	}
	if err != nil {
		return "", nil, errors.Join(err, a.Close())
	}
	return path, a, nil
}
