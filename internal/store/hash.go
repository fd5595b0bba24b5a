package store

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"github.com/akadata/bitnet-tool/internal/digest"
	"github.com/akadata/bitnet-tool/internal/directio"
)

// hashBuffers is how many blocks are between reading, hashing and writing:
// enough that none waits for another because of one slow block.
const hashBuffers = 24

// block is a part of a file, [BlockSize] long unless it is the last.
type block struct {
	buf  []byte
	data []byte       // what of buf is used
	refs atomic.Int32 // who still reads it
}

// pipe hashes files, one after another, beside reading and writing, in the time
// of one SHA-256. Its buffers are used again for the next file.
type pipe struct{ free chan *block }

func newPipe() *pipe {
	p := &pipe{make(chan *block, hashBuffers)}
	for range hashBuffers {
		p.free <- &block{buf: directio.Buffer(BlockSize)}
	}
	return p
}

func (p *pipe) release(b *block) {
	if b.refs.Add(-1) == 0 {
		p.free <- b
	}
}

// sums is what a file's content is known by.
type sums struct {
	size   int64
	whole  Digest
	gitOID string // only if it was asked for
	blocks []byte
}

// file gives the sums as the manifest has them.
func (s sums) file(path string, hub Identity) File {
	return File{Path: path, Size: s.size, SHA256: s.whole, Hub: hub, Blocks: s.blocks}
}

// taker gets the parts of a file in order, and their offsets. It may keep d
// until it calls done, which it must do once, also after an error.
type taker func(d []byte, offset int64, done func()) error

// counted is a taker that only counts.
func counted(add func(int64)) taker {
	return func(d []byte, _ int64, done func()) error {
		add(int64(len(d)))
		done()
		return nil
	}
}

// run reads r to its end and gives every part to take. size is the length to
// expect, which git's digest begins with; that digest is made only if git is
// set.
func (p *pipe) run(ctx context.Context, r io.Reader, size int64, git bool, take taker) (sums, error) {
	out := sums{blocks: make([]byte, 0, min(blocksIn(size), MaxManifest/sha256.Size)*sha256.Size)}
	consumers, whole := out.hashers()
	var oid hash.Hash
	if git {
		oid = sha1.New()
		fmt.Fprintf(oid, "blob %d\x00", size)
		consumers = append(consumers, func(d []byte) { oid.Write(d) })
	}
	feeds, wait := p.start(consumers)
	var err error
	for err == nil {
		out.size, err = p.step(ctx, r, out.size, feeds, take)
	}
	for _, f := range feeds {
		close(f)
	}
	wait()
	if err != io.EOF { //nolint:errorlint // made by step, never wrapped
		return sums{}, err
	}
	out.whole = NewDigest(whole())
	if git {
		out.gitOID = hex.EncodeToString(oid.Sum(nil))
	}
	return out, nil
}

// hashers gives what hashes the blocks and the whole, each to run on a
// goroutine of its own, and the digest of the whole when they are done.
func (s *sums) hashers() (consumers []func([]byte), whole func() [sha256.Size]byte) {
	if digest.Fast() {
		p := digest.New()
		return []func([]byte){func(d []byte) {
			sum := p.Block(d)
			s.blocks = append(s.blocks, sum[:]...)
		}}, p.Sum
	}
	h := sha256.New()
	return []func([]byte){
		func(d []byte) { h.Write(d) },
		func(d []byte) {
			sum := sha256.Sum256(d)
			s.blocks = append(s.blocks, sum[:]...)
		},
	}, func() [sha256.Size]byte { return [sha256.Size]byte(h.Sum(nil)) }
}

// start lets each consumer read from a channel; wait returns when all channels
// are closed and read.
func (p *pipe) start(consumers []func([]byte)) (feeds []chan *block, wait func()) {
	var wg sync.WaitGroup
	for _, consume := range consumers {
		feed := make(chan *block, hashBuffers) // a feed never blocks the reader
		feeds = append(feeds, feed)
		wg.Go(func() {
			for b := range feed {
				consume(b.data)
				p.release(b)
			}
		})
	}
	return feeds, wg.Wait
}

// step moves one block and gives the bytes moved in all; io.EOF after the last.
func (p *pipe) step(ctx context.Context, r io.Reader, done int64, feeds []chan *block, take taker) (int64, error) {
	if err := ctx.Err(); err != nil {
		return done, err
	}
	b := <-p.free
	n, err := io.ReadFull(r, b.buf)
	b.data = b.buf[:n]
	if n == 0 {
		p.free <- b
		return done, err
	}
	b.refs.Store(int32(len(feeds)) + 1)
	for _, f := range feeds {
		f <- b
	}
	if err == io.ErrUnexpectedEOF { //nolint:errorlint // of ReadFull itself
		err = io.EOF
	}
	if terr := take(b.data, done, func() { p.release(b) }); terr != nil {
		err = terr
	}
	return done + int64(n), err
}
