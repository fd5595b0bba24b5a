package main

import (
	"context"

	"github.com/akadata/bitnet-tool/internal/dirstore"
	"github.com/akadata/bitnet-tool/internal/pipeline"
	"github.com/akadata/bitnet-tool/internal/store"
)

// demoStore puts what was pulled into a store at dir, and returns its folder
// there.
func demoStore(ctx context.Context, c *call, snapshot, dir string) (string, error) {
	in, err := pipeline.OpenPath(snapshot)
	if err != nil {
		return "", err
	}
	defer in.Close() //nolint:errcheck // a folder that was read
	in.Manifest.Tool = program + "/" + version
	s, err := dirstore.Open(dir)
	if err != nil {
		return "", err
	}
	p, err := store.Put(ctx, s, in.Ref, in.Origin, in.Manifest, c.progress)
	return p.Dir, err
}
