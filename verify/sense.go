package verify

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
)

// How much of the built-in text is looked at: bytes, and tokens of its
// beginning that are read again in another order.
const (
	senseBytes    = 480
	senseShuffled = 64
)

// sense is how a model takes a plain English text. Natural logarithms, means
// over tokens.
type sense struct {
	tokens  int
	nll     float64 // surprise at the tokens that come
	entropy float64 // surprise that the model itself expects
	perByte float64 // surprise by byte of the text
	weights float64 // of the model
	order   float64 // by how much shuffled tokens surprise more than ordered ones
	most    float64 // largest mean probability of one token
	mostID  int32

	notFinite *trouble // nil: all numbers are finite; else nothing but it is known
}

// trouble is the first number of an evaluation that is none.
type trouble struct {
	layer  int // -1 outside all of them
	tensor string
	value  float32
}

// bias is by how much the model is surer than it is right, as a share of what
// the order of words tells it. Training with a log loss makes a model as sure
// as it is right on whatever it predicts well or badly, so the bias of a good
// one is near 0 whatever its size. Weights that are not those that were trained
// make it wrong and leave it sure.
func (v *sense) bias() float64 { return (v.nll - v.entropy) / max(v.order, 0.5) }

// weak reports whether a plain text surprises the model more than models of its
// size usually are. That is no fault: it may have learnt little, or another
// language. Surprise falls with the number of weights to the power of 0.076
// (Kaplan and others, Scaling Laws for Neural Language Models, 2020); 1.4 nats a
// byte is what models of 3.5 million weights, trained on a few books, keep below.
func (v *sense) weak() bool { return v.perByte > 1.4*math.Pow(v.weights/3.5e6, -0.076) }

// sample gives the tokens that a model is judged by.
func (e *engine) sample(t *token.Tokenizer) []int32 {
	ids := t.Encode(defaultText[:senseBytes], token.EncodeOptions{AddSpecial: true})
	return ids[:min(len(ids), e.model.Params().Context)]
}

// sense reads the sample.
func (e *engine) sense(ctx context.Context) (*sense, error) {
	ids := e.sample(e.text)
	v := &sense{}
	mean := make([]float64, e.model.Params().Vocab)
	w := &watcher{}
	ordered, before := ids[:min(len(ids), senseShuffled)], 0.0
	err := e.read(ctx, ids, w, func(logits []float32, next int32) {
		h, z, top := entropy(logits)
		v.entropy += h
		s := math.Log(z) + top - float64(logits[next])
		v.nll += s
		if v.tokens < len(ordered)-1 {
			before += s / float64(len(ordered)-1)
		}
		for i, x := range logits {
			mean[i] += math.Exp(float64(x)-top) / z
		}
		v.tokens++
	})
	if errors.Is(err, errNotFinite) {
		return &sense{notFinite: w.trouble}, nil
	}
	if err != nil || v.tokens == 0 {
		return v, err
	}
	for _, t := range e.model.File().Tensors {
		v.weights += float64(t.Elements())
	}
	v.perByte = v.nll / float64(max(len(e.text.Decode(ids, false)), 1))
	n := float64(v.tokens)
	v.nll, v.entropy = v.nll/n, v.entropy/n
	for i, p := range mean {
		if p/n > v.most {
			v.most, v.mostID = p/n, int32(i)
		}
	}
	shuffled := slices.Clone(ordered)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled)-1, func(i, j int) {
		shuffled[1+i], shuffled[1+j] = shuffled[1+j], shuffled[1+i]
	})
	after, err := e.surprise(ctx, shuffled, nil)
	v.order = after - before
	return v, err
}

// surprise gives the mean negative log-probability of a text's own tokens.
func (e *engine) surprise(ctx context.Context, ids []int32, w *watcher) (float64, error) {
	var sum float64
	n := 0
	err := e.read(ctx, ids, w, func(logits []float32, next int32) {
		sum += surprise(logits, next)
		n++
	})
	if errors.Is(err, errNotFinite) {
		return math.Inf(1), nil
	}
	return sum / float64(max(n, 1)), err
}

// read evaluates tokens and hands over the logits and the token that comes.
func (e *engine) read(ctx context.Context, ids []int32, w *watcher, do func(logits []float32, next int32)) error {
	o := runtime.SessionOptions{Context: max(len(ids), 1)}
	if w != nil {
		o.Watch = w.watch
	}
	s, err := e.model.NewSession(o)
	if err != nil {
		return err
	}
	return s.EvalAll(ctx, ids, func(pos int, logits []float32) error {
		if firstNotFinite(logits) != nil {
			return errNotFinite
		}
		if pos+1 < len(ids) {
			do(logits, ids[pos+1])
		}
		return nil
	})
}

var errNotFinite = errors.New("logits are not finite")

// watcher looks at every step of an evaluation, and may leave a block out.
type watcher struct {
	trouble *trouble
	without *block
}

// block is what one half of a layer adds to the residual stream, by the tensor
// it comes out of.
type block struct {
	layer  int
	tensor string
}

func (w *watcher) watch(layer int, tensor string, x []float32) {
	if w.without != nil && layer == w.without.layer && tensor == w.without.tensor {
		clear(x)
	}
	if w.trouble != nil {
		return
	}
	for _, v := range x {
		if d := v - v; d != 0 { // NaN or infinite
			w.trouble = &trouble{layer: layer, tensor: tensor, value: v}
			return
		}
	}
}

// entropy gives the surprise that logits expect, and what turns them into
// probabilities: exp(logit-top)/z.
func entropy(logits []float32) (h, z, top float64) {
	_, top = extremes(logits)
	var sum float64
	for _, v := range logits {
		d := float64(v) - top
		p := math.Exp(d)
		z += p
		sum += float64(p * d)
	}
	return math.Log(z) - sum/z, z, top
}
