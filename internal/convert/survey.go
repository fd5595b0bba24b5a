package convert

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/akadata/bitnet-tool/internal/digest"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// survey is what a first reading of a tensor finds out. It depends on the
// source alone, so files of several types take one.
type survey struct {
	stats   stats    // of weights that are not packed
	digests []string // lines of the source digest
}

// surveys are those taken so far, by the number of the tensor.
type surveys struct {
	mu sync.Mutex
	of map[int]*survey
}

func (s *surveys) get(i int) *survey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[i]
}

func (s *surveys) put(i int, v *survey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[int]*survey{}
	}
	s.of[i] = v
}

// surveyAll surveys all tensors, several at a time and the largest first, so
// that no worker is left alone with one of them at the end. Where two can be
// hashed side by side, two of one size and type go to a worker together.
func (p *Plan) surveyAll(ctx context.Context, threads int, task progress.Task) error {
	order := make([]int, len(p.src.matrices))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := p.src.matrices[a].weight, p.src.matrices[b].weight
		return cmp.Or(cmp.Compare(y.Size(), x.Size()), cmp.Compare(x.DType, y.DType))
	})
	var groups [][]int
	for len(order) > 0 {
		n := 1
		if len(order) > 1 && digest.Fast() {
			a, b := p.src.matrices[order[0]].weight, p.src.matrices[order[1]].weight
			if a.Size() == b.Size() && a.DType == b.DType {
				n = 2
			}
		}
		groups, order = append(groups, order[:n]), order[n:]
	}
	memory := make([]workspace, threads)
	return par.For(threads, len(groups), 1, func(worker, lo, _ int) error {
		return p.survey(ctx, groups[lo], &memory[worker], task)
	})
}

// survey surveys one tensor, or two of one size and type, unless that has been
// done. Errors name the tensor.
func (p *Plan) survey(ctx context.Context, group []int, ws *workspace, task progress.Task) error {
	var left []*matrix
	var number []int
	for _, i := range group {
		m := &p.src.matrices[i]
		if p.src.surveys.get(i) != nil {
			task.Add(m.weight.Size())
			continue
		}
		left, number = append(left, m), append(number, i)
	}
	if len(left) == 0 {
		return nil
	}
	found, err := surveyTogether(ctx, left, ws, task)
	if err != nil {
		return err
	}
	for i, v := range found {
		p.src.surveys.put(number[i], v)
	}
	return nil
}

// surveyTogether reads the bytes of the tensors, which have one size and type,
// once from front to back: for the digests, and unless they are packed for the
// means and to refuse NaN and Inf.
func surveyTogether(ctx context.Context, ms []*matrix, ws *workspace, task progress.Task) ([]*survey, error) {
	found := make([]*survey, len(ms))
	for i := range found {
		found[i] = &survey{}
	}
	c, _ := quant.Lookup(codecOf(ms[0].weight.DType)) // of no use for packed bytes
	width := max(c.BlockBytes, 1)
	size, chunk := ms[0].weight.Size(), chunkWeights*width
	buf := sized(&ws.raw, len(ms)*chunk)
	parts := make([][]byte, len(ms))
	hash := digest.NewMessages(len(ms))
	for off := int64(0); off < size; off += int64(chunk) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := int(min(int64(chunk), size-off))
		for i, m := range ms {
			parts[i] = buf[i*chunk:][:n]
			if _, err := m.weight.Section().ReadAt(parts[i], off); err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("tensor %q: %w", m.weight.Name, err)
			}
		}
		hash.Write(parts)
		for i, m := range ms {
			if err := found[i].see(m, parts[i], c, ws); err != nil {
				return nil, fmt.Errorf("tensor %q: %w", m.weight.Name, err)
			}
			task.Add(int64(n))
		}
	}
	for i, m := range ms {
		found[i].digests = append(found[i].digests, digestLine(m.weight, hash.Sum(i)))
		if err := found[i].seeScale(m); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", m.weight.Name, err)
		}
	}
	return found, nil
}

// see adds the next weights to the statistics.
func (v *survey) see(m *matrix, b []byte, c quant.Codec, ws *workspace) error {
	if m.packed() {
		return nil
	}
	w := sized(&ws.values, len(b)/c.BlockBytes)
	if err := c.Decode(w, b, 0); err != nil {
		return err
	}
	return v.stats.add(w)
}

// seeScale adds the digest of a packed tensor's scale.
func (v *survey) seeScale(m *matrix) error {
	if !m.packed() {
		return nil
	}
	b := make([]byte, m.scale.Size())
	if _, err := m.scale.Section().ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	v.digests = append(v.digests, digestLine(m.scale, sha256.Sum256(b)))
	return nil
}
