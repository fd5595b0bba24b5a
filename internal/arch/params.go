package arch

import (
	"fmt"
	"math"
)

// Params are the hyper-parameters of one model.
type Params struct {
	Spec
	Vocab       int // rows of the embedding
	Context     int // longest sequence, tokens
	Embedding   int // width of the residual stream
	Blocks      int // transformer layers
	FeedForward int // width inside the feed-forward block
	Heads       int // query heads
	KVHeads     int // key and value heads; Heads is a multiple
	HeadDim     int // width of a head, even
	RopeBase    float32
	Eps         float32 // added to the mean square in RMSNorm

	// Ternary: the model was trained with ternary weights and int8
	// activations.
	Ternary bool

	// Tied: the embedding is the output matrix too.
	Tied bool

	// Pooling says how an embedding model makes one vector of many; 0 for
	// models that predict tokens.
	Pooling Pooling

	// Notices tell what was inferred rather than read.
	Notices []string
}

// Pooling has the numbers of {arch}.pooling_type (llama.cpp's include/llama.h,
// c392e509, enum llama_pooling_type).
type Pooling int

// The kinds of pooling: the mean of all positions, the first, the last.
const (
	PoolMean Pooling = 1
	PoolCLS  Pooling = 2
	PoolLast Pooling = 3
)

// Bounds of what is taken as a model at all; every product of two of them fits
// an int64 with room to spare.
const (
	maxVocab   = 1 << 22
	maxContext = 1 << 27
	maxWidth   = 1 << 18
	maxBlocks  = 1 << 10
	maxHeads   = 1 << 10
	maxHeadDim = 1 << 12
)

// check refuses parameters that no model can have.
func (p *Params) check() error {
	for _, c := range []struct {
		name   string
		v, max int
	}{
		{"vocabulary size", p.Vocab, maxVocab},
		{"context length", p.Context, maxContext},
		{"embedding width", p.Embedding, maxWidth},
		{"layer count", p.Blocks, maxBlocks},
		{"feed-forward width", p.FeedForward, maxWidth},
		{"head count", p.Heads, maxHeads},
		{"key-value head count", p.KVHeads, maxHeads},
		{"head width", p.HeadDim, maxHeadDim},
	} {
		if c.v < 1 || c.v > c.max {
			return fmt.Errorf("%w: %s %d, must be 1 to %d", ErrParams, c.name, c.v, c.max)
		}
	}
	if p.Heads%p.KVHeads != 0 {
		return fmt.Errorf("%w: %d heads do not share %d key-value heads evenly", ErrParams, p.Heads, p.KVHeads)
	}
	if p.HeadDim%2 != 0 {
		return fmt.Errorf("%w: head width %d is odd, rotation needs pairs", ErrParams, p.HeadDim)
	}
	if !(p.RopeBase > 1) || math.IsInf(float64(p.RopeBase), 0) {
		return fmt.Errorf("%w: rope base %v", ErrParams, p.RopeBase)
	}
	if !(p.Eps > 0) || p.Eps > 1 {
		return fmt.Errorf("%w: norm epsilon %v", ErrParams, p.Eps)
	}
	return nil
}
