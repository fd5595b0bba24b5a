package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

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
// complete, on the disk and read back. Unless force is set an existing file is
// fs.ErrExist.
func (p *Plan) WriteFile(ctx context.Context, path string, force bool, sink progress.Sink) (*Result, error) {
	f, err := atomicfile.Create(path, force)
	if err != nil {
		return nil, err
	}
	defer f.Abort()
	res, err := p.write(ctx, f.File, sink)
	if err != nil {
		return nil, err
	}
	res.Path = path
	return res, f.Commit()
}

func (p *Plan) write(ctx context.Context, f *os.File, sink progress.Sink) (res *Result, err error) {
	task := sink.Start("quantize "+p.opts.Type.String(), 2*p.sourceBytes()+p.Layout.FileSize)
	defer func() { task.Done(err) }()

	encoded, err := p.writeTensors(ctx, f, task)
	if err != nil {
		return nil, err
	}
	if err := p.src.set.CheckUnchanged(); err != nil {
		return nil, err
	}
	if err := p.writeFrame(f, encoded); err != nil {
		return nil, err
	}
	res = p.result(encoded)
	if res.SHA256, err = readBack(ctx, f, res.Size, task); err != nil {
		return nil, err
	}
	return res, nil
}

// writeTensors streams all tensors, several at a time.
func (p *Plan) writeTensors(ctx context.Context, f io.WriterAt, task progress.Task) ([]Encoded, error) {
	threads := p.opts.Threads
	if threads <= 0 {
		threads = par.CPUs()
	}
	encoded := make([]Encoded, len(p.Tensors))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(threads)
	for i := range p.Tensors {
		g.Go(func() error {
			var err error
			encoded[i], err = p.encode(gctx, i, p.Layout.Section(f, i), task)
			return err
		})
	}
	return encoded, g.Wait()
}

// writeFrame writes header and padding, now that the source digest is known.
func (p *Plan) writeFrame(f *os.File, encoded []Encoded) error {
	p.Meta.Set(digestKey, sourceDigest(encoded))
	l, err := gguf.NewLayout(p.Meta, p.Tensors)
	if err != nil {
		return err
	}
	if l.DataOffset != p.Layout.DataOffset {
		return fmt.Errorf("header grew from %d to %d bytes while converting", p.Layout.DataOffset, l.DataOffset)
	}
	p.Layout = l
	return l.WriteFrame(f)
}

func sourceDigest(encoded []Encoded) string {
	var lines []string
	for _, e := range encoded {
		lines = append(lines, e.digests...)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// readBack hashes the finished file and parses its header by the strict rules.
func readBack(ctx context.Context, f *os.File, size int64, task progress.Task) (string, error) {
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	if st.Size() != size {
		return "", fmt.Errorf("wrote %d bytes, planned %d", st.Size(), size)
	}
	if _, err := gguf.NewFile(f, size); err != nil {
		return "", fmt.Errorf("reading back: %w", err)
	}
	sum := sha256.New()
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if err != nil && err != io.EOF || n == 0 {
			return "", fmt.Errorf("reading back at offset %d: %w", off, err)
		}
		sum.Write(buf[:n])
		off += int64(n)
		task.Add(int64(n))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (p *Plan) sourceBytes() int64 {
	var n int64
	for _, m := range p.src.matrices {
		n += m.weight.Size()
	}
	return n
}

func (p *Plan) result(encoded []Encoded) *Result {
	r := &Result{Size: p.Layout.FileSize, Types: map[quant.Type]int{}}
	var weights, bytes int64
	for i, t := range p.Layout.Tensors {
		r.Types[t.Type]++
		weights += t.Elements()
		bytes += t.Size
		e := encoded[i]
		r.ThresholdSensitive += e.ThresholdSensitive
		if share := float64(e.Zeros) / float64(t.Elements()); share > 0.95 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("tensor %q: %.1f %% of its weights are zero", t.Name, 100*share))
		}
	}
	r.BPW = 8 * float64(bytes) / float64(weights)
	return r
}
