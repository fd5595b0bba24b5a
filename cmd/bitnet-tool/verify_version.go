package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/akadata/bitnet-tool/internal/pipeline"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/verify"
)

// knownBytes gives what a version's manifest says of its file at path, nil for
// nothing.
func knownBytes(a store.Artifact, path string) *verify.Known {
	rel, err := filepath.Rel(a.Dir(), path)
	if err != nil {
		return nil
	}
	f, ok := a.Manifest().File(filepath.ToSlash(rel))
	if !ok {
		return nil
	}
	return &verify.Known{Source: "the manifest of " + a.Info().Ref.String(), Size: f.Size, SHA256: f.SHA256.Hex(), Blocks: f.Blocks}
}

// verifyVersion verifies a version in the store that has no GGUF file: its
// bytes against its manifest.
func verifyVersion(ctx context.Context, c *call, a store.Artifact) (result, error) {
	for _, name := range []string{"against", "baseline", "max-seconds", "engine"} {
		if c.flags.IsSet(name) {
			return nil, usagef("--%s is for GGUF files, and %s has none", name, c.args[0])
		}
	}
	if l := c.flags.String("level"); l != "" && l != verify.Hash.String() {
		return nil, usagef("a version without a GGUF file is verified at level hash alone, not %s", l)
	}
	start := time.Now()
	found, err := store.Check(ctx, a, pipeline.Locator(), c.progress)
	if err != nil {
		return nil, err
	}
	m := a.Manifest()
	level := verify.LevelReport{
		Level: verify.Hash, OK: len(found) == 0, Coverage: 1, Seconds: time.Since(start).Seconds(), Findings: []verify.Finding{},
	}
	bad := map[string]bool{}
	for _, d := range found {
		bad[d.File] = true
		level.Findings = append(level.Findings, verify.Finding{
			Rule: "hash." + string(d.Kind), Severity: verify.Error, File: d.File, Tensor: d.Tensor, Offset: &d.Offset, Detail: d.Detail,
		})
	}
	res := &snapshotResult{c.args[0], []verify.LevelReport{level}, verify.Good, len(m.Files) - len(bad), m.Source.Commit}
	if len(found) == 0 {
		return res, nil
	}
	res.Verdict = verify.File
	first := level.Findings[0]
	f := failf(exitBadArtifact, "%s: %s", res.Target, ofFile(first))
	f.rule, f.object = first.Rule, first.File
	return res, f.suggest("%s fsck %s says which bytes", program, m.Ref())
}
