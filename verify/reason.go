package verify

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
)

// What is usual of a model that reads plain English. The bounds were chosen on
// one half of the seeds of internal/mutants and hold on the other; docs/mutants.md
// has the figures. They are wide enough for models that were tuned to answer,
// which are surer of themselves than those trained on text alone.
const (
	leastOrder   = 1.0   // nats a token
	doubtfulBias = 0.08  // from here on other readings are tried
	mostBias     = 0.20  // from here on it is an error
	leastBias    = -0.25 // the same for a model that knows more than it says
	mostFrequent = 0.6
	clearlyMore  = 0.15 // nats a token by which another reading must be better
)

// How much of the text other readings are tried on: all on a little, the best of
// them on more.
const (
	readingTokens = 64
	triedTokens   = 24
	finalists     = 4
)

// doubtful reports whether it is worth looking for what is wrong.
func (v *sense) doubtful() bool {
	return v.notFinite == nil && (v.order < leastOrder || math.Abs(v.bias()) >= doubtfulBias || v.weak())
}

// odd reports whether a parameter is one that hardly any model is trained with.
// That is no fault, but worth a look at other readings, even if the model makes
// sense: epsilons are 1e-5 or 1e-6, rope bases 1e4 and more, and models that
// call themselves llama have gates of SiLU.
func (s *Subject) odd() bool {
	p := s.params
	return p.Eps > 1e-4 || p.RopeBase < 1e4 || p.Name == "llama" && p.Activation != arch.SiLU
}

// better is a reading of the file with which the model makes more sense.
type better struct {
	reading
	own, nll float64 // nats a token of the file's own reading
}

// restores reports whether the reading explains most of what is wrong with the
// model, and not just some of it. guess is the surprise of guessing.
func (b *better) restores(v *sense, guess float64) bool {
	return b.own-b.nll > 0.5*(v.nll-v.entropy) && b.nll < 0.75*guess
}

// bestReading tries what is known to go wrong with files. It gives nil if the
// file as it is makes the most sense, up to chance.
func (s *Subject) bestReading(ctx context.Context, e *engine) (*better, error) {
	ids := e.sample(e.text)
	ids = ids[:min(len(ids), readingTokens)]
	rs := s.readings()
	task := s.opts.Progress.Start("verify smoke: other readings", int64(len(rs)))
	best, err := s.compete(ctx, e, rs, ids, task)
	task.Done(err)
	return best, err
}

func (s *Subject) compete(ctx context.Context, e *engine, rs []reading, ids []int32, task progress.Task) (*better, error) {
	type trial struct {
		reading
		nll float64
	}
	var trials []trial
	few := ids[:min(len(ids), triedTokens)]
	for _, r := range rs {
		nll, err := s.try(ctx, e, &r, few)
		if err != nil {
			return nil, err
		}
		trials = append(trials, trial{r, nll})
		task.Add(1)
	}
	slices.SortStableFunc(trials, func(a, b trial) int { return cmp.Compare(a.nll, b.nll) })
	own, err := e.surprise(ctx, ids, nil)
	if err != nil {
		return nil, err
	}
	best := &better{own: own, nll: own - clearlyMore}
	for _, t := range trials[:min(len(trials), finalists)] {
		nll, err := s.try(ctx, e, &t.reading, ids)
		if err != nil {
			return nil, err
		}
		if nll < best.nll {
			best.reading, best.nll = t.reading, nll
		}
	}
	if best.name == "" {
		return nil, nil
	}
	return best, nil
}

// try gives how much the text surprises the model in another reading, in nats
// by a token of the file's own.
func (s *Subject) try(ctx context.Context, e *engine, r *reading, ids []int32) (float64, error) {
	switch {
	case r.without != nil:
		return e.surprise(ctx, ids, &watcher{without: r.without})
	case r.shift != 0:
		moved := make([]int32, len(ids))
		n := int32(e.model.Params().Vocab)
		for i, id := range ids {
			moved[i] = (id + int32(r.shift) + n) % n
		}
		return e.surprise(ctx, moved, nil)
	case r.words != nil:
		// The same piece of text.
		text := e.text.Decode(ids, false)
		other := r.words.Encode(text, token.EncodeOptions{AddSpecial: true})
		other = other[:min(len(other), e.model.Params().Context)]
		nll, err := e.surprise(ctx, other, nil)
		return nll * float64(len(other)-1) / float64(len(ids)-1), err
	}
	f, err := r.model.open()
	if err != nil {
		return 0, err
	}
	m, err := runtime.Load(f, s.opts.runtime())
	if err != nil {
		// What cannot be loaded is no better reading.
		return math.Inf(1), nil //nolint:nilerr // see above
	}
	return (&engine{model: m, text: e.text, best: e.best}).surprise(ctx, ids, nil)
}
