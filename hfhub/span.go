package hfhub

import (
	"context"
	"errors"
	"io"
)

// Span writes the bytes from ≤ x < to of a file to w, and goes on where the
// network breaks them. Of src.File it needs Path and Size, and SHA256 of a file
// in LFS. Nothing is verified but the sizes that the Hub announces: that is for
// the caller, who knows what the bytes must be.
func (c *Client) Span(ctx context.Context, src Source, from, to int64, w io.Writer) error {
	if err := errors.Join(src.Repo.Check(), checkPath(src.File.Path)); err != nil {
		return err
	}
	if c.o.Offline {
		return ErrOffline
	}
	s := span{c: c, src: src, at: from, to: to, w: w}
	retry := retrier{c: c}
	for s.at < to {
		before := s.at
		err := s.piece(ctx)
		if s.failed != nil {
			return s.failed
		}
		if s.at > before {
			retry.progress()
		}
		if err == nil && s.at < to {
			err = again("%s ended at byte %d of %d", src.File.Path, s.at, src.File.Size)
		}
		if err == nil {
			continue
		}
		if err := retry.after(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// span is what remains to be written.
type span struct {
	c      *Client
	src    Source
	at, to int64
	w      io.Writer
	failed error // of w
}

// piece writes what one answer brings. A server that knows no ranges sends the
// whole file, of which the rest is dropped.
func (s *span) piece(ctx context.Context) error {
	skip := int64(0)
	body, err := s.c.fetcher.Fetch(ctx, s.src, s.at, s.to)
	if errors.Is(err, errWhole) {
		skip = s.at
		body, err = s.c.fetcher.Fetch(ctx, s.src, 0, s.src.File.Size)
	}
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // what was read counts
	if _, err := io.CopyN(io.Discard, body, skip); err != nil {
		return again("%s: %w", s.src.File.Path, err)
	}
	buf := make([]byte, stepBytes)
	for s.at < s.to {
		n, err := io.ReadFull(body, buf[:min(int64(len(buf)), s.to-s.at)])
		if n > 0 {
			if _, werr := s.w.Write(buf[:n]); werr != nil {
				s.failed = werr
				return werr
			}
			s.at += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.c.limit.take(ctx, n); err != nil {
			return err
		}
	}
	return nil
}
