package verify

import (
	"context"
	"errors"
	"io"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// errUntrained ends a level that cannot judge a model of random weights.
var errUntrained = errors.New("cannot judge: the rows of the embedding are alike as only random numbers are, so the model was not trained")

// checkTrained tells a model that knows nothing from one that never learnt.
func checkTrained(ctx context.Context, s *Subject) []Finding {
	v := s.sense(ctx)
	if v == nil || !v.doubtful() || !s.untrained() {
		return nil
	}
	s.unable(errUntrained)
	return []Finding{finding(Info, "the embedding is random: this model was not trained, and whether the file works cannot be told by asking it").of(arch.TokenEmbd)}
}

// untrained reports whether the rows of the embedding are of one length, up to
// what chance makes of independent numbers. Training gives frequent, rare and
// unused tokens very different rows.
func (s *Subject) untrained() bool {
	t, ok := s.file.Tensor(arch.TokenEmbd)
	c, _ := quant.Lookup(t.Type)
	if !ok || c.Decode == nil || t.Rows() < 16 || t.Cols() < 16 {
		return false
	}
	const rows = 512
	n := min(t.Rows(), rows)
	size := (t.Size - int64(c.Trailer)) / t.Rows()
	b, w := make([]byte, size), make([]float32, t.Cols())
	var mean, meanSq, fourth float64 // of the rows' mean squares; of w⁴
	for i := range n {
		row := i * t.Rows() / n
		if _, err := s.file.Section(t).ReadAt(b, row*size); err != nil && !errors.Is(err, io.EOF) || c.Decode(w, b, 1) != nil {
			return false
		}
		var sq float64
		for _, x := range w {
			v := float64(x) * float64(x)
			sq += v
			fourth += float64(v * v)
		}
		sq /= float64(len(w))
		mean += sq / float64(n)
		meanSq += float64(sq*sq) / float64(n)
	}
	fourth /= float64(n) * float64(len(w))
	if mean == 0 {
		return true
	}
	spread := meanSq/float64(mean*mean) - 1
	chance := (fourth/float64(mean*mean) - 1) / float64(len(w))
	return spread < 4*max(chance, 1e-12)
}
