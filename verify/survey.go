package verify

import (
	"context"
	"fmt"
	"hash/maphash"
	"sort"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// survey is what was found out about a tensor, by looking at it alone. The
// content checks judge it.
type survey struct {
	tensor gguf.Tensor
	codec  quant.Codec
	whole  bool // false: there is an impossible weight, or the type is not known

	tally

	sum uint64 // of the bytes before the trailer; equal for equal tensors
	run run    // of I2_S: the longest run of one packed byte

	// Where the tensor is in the file: its bytes, and where the trailer begins.
	start, trailer, end int64
}

// weights gives the number of weights.
func (v *survey) weights() int64 { return v.tensor.Elements() }

// survey gives what is known of all tensors, reading the file unless that was
// done.
func (s *Subject) survey(ctx context.Context) []survey {
	if s.file == nil || s.err != nil {
		return nil
	}
	if s.read(ctx); s.err != nil {
		return nil
	}
	if s.covered == 0 {
		for _, v := range s.surveys {
			if v.codec.Decode != nil {
				s.covered += v.tensor.Size
			}
		}
	}
	return s.surveys
}

// read reads all of the model once: for the digests and, if there is a level that
// needs them, for the surveys. They share what the disk or the page cache gives.
func (s *Subject) read(ctx context.Context) {
	if s.digests != nil || s.readErr != nil {
		s.unable(s.readErr)
		return
	}
	var total int64
	var sizes []int64
	parts := s.file.Files()
	for _, part := range parts {
		st, err := s.diskOf(part).Stat()
		if err != nil {
			s.readErr = err
			s.unable(err)
			return
		}
		sizes, total = append(sizes, st.Size()), total+st.Size()
	}
	task := s.task(Hash, total)
	seed := maphash.MakeSeed()
	var err error
	for i, part := range parts {
		if err = s.readFile(ctx, part, sizes[i], seed, task); err != nil {
			break
		}
	}
	task.Done(err)
	if err != nil {
		s.digests, s.surveys, s.readErr = nil, nil, err
		s.unable(err)
	}
}

// readFile reads one of the files.
func (s *Subject) readFile(ctx context.Context, part *gguf.File, size int64, seed maphash.Seed, task progress.Task) error {
	disk := s.diskOf(part)
	d := &digests{disk: disk}
	if s.opts.Known != nil {
		d.known = s.opts.Known(disk.Name())
	}
	r := newSweep(s, part, size, d.known != nil)
	r.hash.SetSeed(seed)
	p := pass{
		disk: disk, size: size, workers: s.threads(),
		lead: r.lead, carry: r.carry, inOrder: r.inOrder, each: r.each, add: task.Add,
	}
	if err := p.run(ctx); err != nil {
		return err
	}
	r.sum(d)
	s.digests, s.surveys = append(s.digests, d), append(s.surveys, r.merged()...)
	return nil
}

// sweep is a pass over a file under way. Tensors lie in the file in the
// order of the directory; package gguf sees to that.
type sweep struct {
	surveys  []survey
	ends     []int64 // of the tensors
	content  bool    // tallies are wanted
	lead     int
	scanners []scanner
	parts    [][]part // by block
	hasher

	// Of what is seen in order.
	now  int // the tensor that the next byte is in or before
	hash maphash.Hash
	twin map[int64]int // how many tensors of the model have a size
	run  run           // that the last stretch belongs to
}

// part is what a block has of a tensor.
type part struct {
	index int // of the tensor
	tally
}

// newSweep prepares to read the file of size bytes that holds a part of the
// model.
func newSweep(s *Subject, file *gguf.File, size int64, blocks bool) *sweep {
	r := &sweep{
		content:  s.opts.Level >= Content,
		scanners: make([]scanner, s.threads()), parts: make([][]part, (size+blockSize-1)/blockSize),
		hasher: newHasher(blocks), twin: map[int64]int{},
	}
	for _, t := range s.file.Tensors {
		r.twin[t.Size]++
		in, start := s.file.Place(t)
		if in != file {
			continue
		}
		c, _ := quant.Lookup(t.Type)
		r.surveys = append(r.surveys, survey{
			tensor: t, codec: c, tally: newTally(),
			start: start, trailer: start + t.Size - int64(c.Trailer), end: start + t.Size,
		})
		r.ends = append(r.ends, start+t.Size)
		r.lead = max(r.lead, c.BlockBytes, c.Trailer)
	}
	return r
}

// from gives the index of the first tensor that ends behind an offset.
func (r *sweep) from(off int64) int {
	return sort.Search(len(r.ends), func(i int) bool { return r.ends[i] > off })
}

// units gives the bytes of the tensor's whole blocks that lie before an offset
// of the file. The trailer counts as one block.
func (v *survey) units(off int64) int64 {
	switch {
	case v.codec.Decode == nil || off <= v.start:
		return 0
	case off >= v.end:
		return v.end - v.start
	case off >= v.trailer:
		return v.trailer - v.start
	}
	return (off - v.start) / int64(v.codec.BlockBytes) * int64(v.codec.BlockBytes)
}

// carry gives how many bytes before an offset are of a block of weights that
// ends behind it.
func (r *sweep) carry(off int64) int64 {
	i := r.from(off)
	if !r.content || i == len(r.surveys) || r.surveys[i].start >= off || r.surveys[i].codec.Decode == nil {
		return 0
	}
	v := &r.surveys[i]
	return off - v.start - v.units(off)
}

// each tallies the weights of a block.
func (r *sweep) each(worker int, b *slab) error {
	if !r.content {
		return nil
	}
	end := b.off + int64(len(b.data))
	for i := r.from(b.off); i < len(r.surveys) && r.surveys[i].start < end; i++ {
		v := &r.surveys[i]
		lo, hi := v.units(b.off), v.units(end)
		if lo == hi {
			continue
		}
		p := part{index: i, tally: newTally()}
		weights, trailer := b.slice(v.start+lo, min(v.start+hi, v.trailer)), []byte(nil)
		if v.codec.Trailer > 0 && v.start+hi == v.end {
			trailer = b.slice(v.trailer, v.end)
		}
		if err := r.scanners[worker].scan(&p.tally, &v.codec, lo, weights, trailer); err != nil {
			return fmt.Errorf("tensor %q: %w", v.tensor.Name, err)
		}
		r.parts[b.no] = append(r.parts[b.no], p)
	}
	return nil
}

// inOrder hashes the file, and looks for equal tensors and runs of bytes.
func (r *sweep) inOrder(b *slab) {
	r.block(b.data)
	end := b.off + int64(len(b.data))
	for ; r.content && r.now < len(r.surveys) && r.surveys[r.now].start < end; r.now++ {
		v := &r.surveys[r.now]
		lo, hi := max(v.start, b.off), min(v.trailer, end)
		if lo < hi {
			if r.twin[v.tensor.Size] > 1 {
				r.hash.Write(b.slice(lo, hi))
			}
			if v.codec.Trailer > 0 {
				r.runs(v, b, lo, hi)
			}
		}
		if v.end > end {
			return // there is more of it
		}
		v.sum = r.hash.Sum64()
		r.hash.Reset()
		r.run = run{}
	}
}

// merged puts the parts together.
func (r *sweep) merged() []survey {
	if !r.content {
		return nil
	}
	for _, parts := range r.parts {
		for i := range parts {
			r.surveys[parts[i].index].add(&parts[i].tally)
		}
	}
	for i := range r.surveys {
		v := &r.surveys[i]
		v.whole = v.codec.Decode != nil && v.badCode == nil && v.notFinite == nil
	}
	return r.surveys
}

// run is a stretch of equal bytes.
type run struct {
	value  byte
	bytes  int64
	offset int64 // from the start of the tensor
}

// runs looks for the longest run of one byte, in stretches of longestRun that
// begin at multiples of it in the file. The byte of four zero weights does not
// count: pruned neurons have many.
func (r *sweep) runs(v *survey, b *slab, from, to int64) {
	const zeros = 0x55
	for at := (from + longestRun - 1) / longestRun * longestRun; at+longestRun <= to; at += longestRun {
		stretch := b.slice(at, at+longestRun)
		if first := stretch[0]; first == zeros || first != stretch[longestRun-1] || !uniform(stretch) {
			r.run = run{}
			continue
		}
		if r.run.bytes == 0 || r.run.value != stretch[0] {
			r.run = run{value: stretch[0], offset: at - v.start}
		}
		if r.run.bytes += longestRun; r.run.bytes > v.run.bytes {
			v.run = r.run
		}
	}
}
