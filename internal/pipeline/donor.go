package pipeline

import (
	"context"
	"fmt"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/store"
)

// HubDonor is a store.Donor: the Hub, with the commit that a version was taken
// from.
type HubDonor struct {
	client *hfhub.Client
	repo   hfhub.Repo
	commit string
}

// NewHubDonor makes a donor of the source that a manifest names; ok is false if
// that is no commit of a repository. The client's endpoint is asked, and not
// the manifest's: a manifest may come from anywhere, and the client has a
// token.
func NewHubDonor(c *hfhub.Client, s store.Source) (d HubDonor, ok bool) {
	d = HubDonor{c, hfhub.Repo{Type: hfhub.RepoType(s.RepoType), ID: s.Repo}, s.Commit}
	return d, s.Kind == store.FromHub && d.repo.Check() == nil && hfhub.IsCommit(s.Commit)
}

// Blocks fetches blocks, those beside each other at once.
func (d HubDonor) Blocks(ctx context.Context, f store.File, blocks []int64, take store.Take) error {
	src := hfhub.Source{Repo: d.repo, Commit: d.commit, File: hfhub.File{
		Path: f.Path, Size: f.Size, OID: f.Hub.GitOID, SHA256: f.Hub.SHA256,
	}}
	for len(blocks) > 0 {
		n := 1
		for n < len(blocks) && blocks[n] == blocks[0]+int64(n) {
			n++
		}
		w := &blockWriter{take: take, block: blocks[0], size: f.Size}
		from, to := blocks[0]*store.BlockSize, min((blocks[0]+int64(n))*store.BlockSize, f.Size)
		if err := d.client.Span(ctx, src, from, to, w); err != nil {
			return err
		}
		if w.wrong > 0 {
			return fmt.Errorf("%w: %s@%.12s: %q is not what was stored, in %d blocks from byte %d on",
				hfhub.ErrDigest, d.repo, d.commit, f.Path, w.wrong, from)
		}
		blocks = blocks[n:]
	}
	return nil
}

// blockWriter cuts a stream into blocks.
type blockWriter struct {
	take  store.Take
	block int64 // that buf is the beginning of
	size  int64 // of the file
	buf   []byte
	wrong int
}

func (w *blockWriter) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		length := min(store.BlockSize, w.size-w.block*store.BlockSize)
		k := min(len(p), int(length)-len(w.buf))
		w.buf = append(w.buf, p[:k]...)
		p = p[k:]
		if len(w.buf) < int(length) {
			break
		}
		right, err := w.take(w.block, w.buf)
		if err != nil {
			return 0, err
		}
		if !right {
			w.wrong++
		}
		w.block, w.buf = w.block+1, w.buf[:0]
	}
	return written, nil
}
