package main

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/akadata/bitnet-tool/internal/pipeline"
	"github.com/akadata/bitnet-tool/internal/store"
)

// quantizeAs writes into a new version in the store, which is there when all
// types are, and not at all if one fails. The files are called NAME-TYPE.gguf.
func quantizeAs(ctx context.Context, c *call, q *quantizing, src store.Artifact) (result, error) {
	ref, err := store.ParseRef(c.flags.String("as"))
	if err != nil {
		return nil, hinted(err, "--as NAME or --as NAME@VERSION")
	}
	s, at, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := c.warnOf(ctx, s); err != nil {
		return nil, err
	}
	q.out = ref.Name + "-{type}.gguf"
	if q.dry {
		return q.run(ctx, c)
	}
	size, err := q.plannedSize(ctx, c)
	if err != nil {
		return nil, err
	}
	m, texts := quantizedFrom(c, q, src)
	if texts != nil {
		defer texts.Close() //nolint:errcheck // a folder that was read
		size += texts.Size()
	}
	tx, err := s.Begin(ctx, ref, size)
	if err != nil {
		return nil, hintStore(err, at)
	}
	res, pub, err := q.into(ctx, c, tx, m, texts)
	if err != nil {
		return nil, errors.Join(err, tx.Abort())
	}
	for i := range res.Outputs {
		res.Outputs[i].Path = filepath.Join(pub.Dir, filepath.Base(res.Outputs[i].Path))
	}
	res.Stored = newStoredResult(pub.Info, pub.Changed)
	return res, nil
}

// plannedSize is how many bytes will be written.
func (q *quantizing) plannedSize(ctx context.Context, c *call) (int64, error) {
	dry, silent := *q, *c
	dry.dry, silent.quiet = true, true // it warns when it is done
	plan, err := dry.run(ctx, &silent)
	if err != nil {
		return 0, err
	}
	var size int64
	for _, o := range plan.Outputs {
		size += o.Size
	}
	return size, nil
}

// into does the work in a staging area.
func (q *quantizing) into(ctx context.Context, c *call, tx store.Tx, m *store.Manifest, texts *pipeline.Intake) (*quantizeResult, store.Published, error) {
	q.out = filepath.Join(tx.Root().Name(), q.out)
	res, err := q.run(ctx, c)
	if err != nil {
		return nil, store.Published{}, err
	}
	if texts != nil {
		if _, err := store.Copy(ctx, tx.Root(), texts.Origin, c.progress); err != nil {
			return nil, store.Published{}, err
		}
	}
	if m.Files, err = store.Describe(ctx, tx.Root(), c.progress); err != nil {
		return nil, store.Published{}, err
	}
	pub, err := tx.Commit(ctx, m)
	return res, pub, err
}

// quantizedFrom describes where the new files come from, and opens the texts
// that go with the weights, nil if there are none.
func quantizedFrom(c *call, q *quantizing, src store.Artifact) (*store.Manifest, *pipeline.Intake) {
	m := &store.Manifest{Tool: program + "/" + version, Completeness: store.Complete, Recipe: &store.Recipe{Command: "quantize", Options: map[string]string{}}}
	for name, v := range c.parsed.flags {
		switch name {
		case "type", "token-embedding-type", "output-type", "target", "scale-mode", "file-type", "force-ternary":
			m.Recipe.Options[name] = v.text
		}
	}
	var in *pipeline.Intake
	var err error
	if src != nil {
		in, err = pipeline.OpenVersion(src)
		m.Parents = append(m.Parents, src.Manifest().Digest)
	} else {
		in, err = pipeline.OpenPath(q.src)
	}
	if err != nil {
		c.warn("%s: its license and model card are not kept: %s", printable(q.src), printable(err.Error()))
		m.Source = store.Source{Kind: store.FromQuantize, Path: q.src}
		return m, nil
	}
	m.Source = in.Manifest.Source
	m.Source.Kind = store.FromQuantize
	in.Keep(isText)
	return m, in
}

// isText reports whether a file says what may be done with the weights, or
// what they are.
func isText(p string) bool {
	if strings.Contains(p, "/") {
		return false
	}
	stem := strings.ToUpper(strings.TrimSuffix(p, path.Ext(p)))
	for _, name := range []string{"LICENSE", "LICENCE", "NOTICE", "COPYING", "README", "USE_POLICY"} {
		if stem == name {
			return true
		}
	}
	return false
}

// storedOrigin gives the repository and commit of a folder that is a version
// in a store, as a cache's folders tell by their names.
func storedOrigin(dir string) (repo, commit string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", "" // a file
	}
	defer root.Close()
	m, err := store.ReadManifest(root)
	if err != nil || m.Source.Kind != store.FromHub {
		return "", ""
	}
	return m.Source.Repo, m.Source.Commit
}
