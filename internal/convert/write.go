package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// Result describes a file that was written.
type Result struct {
	Path   string
	Size   int64  // bytes
	SHA256 string // hex, of the whole file
	Types  map[quant.Type]int
	BPW    float64 // bits a weight, over all tensors

	// ThresholdSensitive counts weights so close to a rounding threshold that
	// another order of summing the mean could have given another code.
	ThresholdSensitive int64

	// Warnings name tensors that are nearly all zero.
	Warnings []string
}

// WriteFile converts into the file at path, which appears only when it is
// complete and on the disk. Its digest is of the bytes that were handed to the
// disk, and its header has been parsed again from there. Unless force is set an
// existing file is fs.ErrExist. Too little room is found out before anything is
// read or written.
func (p *Plan) WriteFile(ctx context.Context, path string, force bool, sink progress.Sink) (*Result, error) {
	f, err := atomicfile.Create(path, force)
	if err != nil {
		return nil, err
	}
	defer f.Abort()
	if err := f.Reserve(p.Layout.FileSize); err != nil {
		return nil, err
	}
	res, err := p.write(ctx, f, sink)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // the last moment to stop
		return nil, err
	}
	res.Path = path
	return res, f.Commit()
}

// write surveys the source, which gives the header its last value and matrices
// their scales, and then streams.
func (p *Plan) write(ctx context.Context, f *atomicfile.File, sink progress.Sink) (res *Result, err error) {
	task := sink.Start("quantize "+p.opts.Type.String(), 2*p.sourceBytes()+p.Layout.FileSize)
	defer func() { task.Done(err) }()

	threads := p.opts.Threads
	if threads <= 0 {
		threads = par.CPUs()
	}
	if err := p.surveyAll(ctx, threads, task); err != nil {
		return nil, err
	}
	if err := p.finishLayout(); err != nil {
		return nil, err
	}
	w, err := p.newWriter(threads, task)
	if err != nil {
		return nil, err
	}
	digest, err := w.run(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := p.src.checkUnchanged(); err != nil {
		return nil, err
	}
	return p.result(w, digest), nil
}

// finishLayout completes the header, now that the source digest is known.
func (p *Plan) finishLayout() error {
	p.Meta.Set(digestKey, p.sourceDigest())
	l, err := gguf.NewLayout(p.Meta, p.Tensors)
	if err != nil {
		return err
	}
	if l.DataOffset != p.Layout.DataOffset {
		return fmt.Errorf("header grew from %d to %d bytes while converting", p.Layout.DataOffset, l.DataOffset)
	}
	p.Layout = l
	return nil
}

func (p *Plan) sourceDigest() string {
	var lines []string
	for i := range p.src.matrices {
		lines = append(lines, p.src.surveys.get(i).digests...)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (p *Plan) sourceBytes() int64 {
	var n int64
	for _, m := range p.src.matrices {
		n += m.weight.Size()
	}
	return n
}

func (p *Plan) result(w *writer, digest string) *Result {
	r := &Result{Size: p.Layout.FileSize, SHA256: digest, Types: map[quant.Type]int{}}
	var weights, bytes int64
	for i, t := range p.Layout.Tensors {
		r.Types[t.Type]++
		weights += t.Elements()
		bytes += t.Size
		r.ThresholdSensitive += w.counts[i].thresholds
		if share := float64(w.counts[i].zeros) / float64(t.Elements()); share > 0.95 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("tensor %q: %.1f %% of its weights are zero", t.Name, 100*share))
		}
	}
	r.BPW = 8 * float64(bytes) / float64(weights)
	return r
}
