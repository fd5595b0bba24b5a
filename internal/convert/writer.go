package convert

import (
	"context"
	"fmt"
	"sync"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/progress"
)

// writer fills the tensors of a file: workers take pieces in file order.
type writer struct {
	plan    *Plan
	task    progress.Task
	streams []*stream
	pieces  []piece
	memory  []workspace // one a worker

	mu     sync.Mutex
	counts []counts // by tensor
}

// piece is some rows of a tensor.
type piece struct {
	tensor, row, rows int
	last              bool // of the tensor
}

func (p *Plan) newWriter(threads int, task progress.Task) (*writer, error) {
	w := &writer{plan: p, task: task, memory: make([]workspace, threads), counts: make([]counts, len(p.Tensors))}
	for i := range p.Layout.Tensors {
		s, err := p.stream(i, p.src.surveys.get(i))
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", p.src.matrices[i].weight.Name, err)
		}
		w.streams = append(w.streams, s)
		step := s.step(pieceWeights)
		for row := 0; row < s.spec.Rows; row += step {
			rows := min(step, s.spec.Rows-row)
			w.pieces = append(w.pieces, piece{i, row, rows, row+rows == s.spec.Rows})
		}
	}
	return w, nil
}

// run writes the file and gives its digest.
func (w *writer) run(ctx context.Context, f *atomicfile.File) (digest string, err error) {
	return writeTensors(ctx, f, w.plan.Layout, w.task, len(w.memory), len(w.pieces),
		func(_ context.Context, o *output, worker, i int) error {
			return w.write(o, w.pieces[i], &w.memory[worker])
		})
}

// write encodes a piece and puts it in its place.
func (w *writer) write(o *output, p piece, ws *workspace) error {
	s := w.streams[p.tensor]
	b, c, err := s.encode(p.row, p.rows, ws)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", s.weight.Name, err)
	}
	if _, err := o.slabs.WriteAt(b, o.start(p.tensor)+s.offset(p.row)); err != nil {
		return err
	}
	if p.last {
		if err := o.pad(p.tensor); err != nil {
			return err
		}
	}
	w.mu.Lock()
	w.counts[p.tensor].zeros += c.zeros
	w.counts[p.tensor].thresholds += c.thresholds
	w.mu.Unlock()
	w.task.Add(s.weight.Size() * int64(p.rows) / int64(s.spec.Rows))
	return nil
}
