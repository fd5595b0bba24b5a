package runtime_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/runtime"
)

func sampler(t testing.TB, o runtime.Sampling) *runtime.Sampler {
	t.Helper()
	p, err := runtime.NewSampler(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shares draws n times and gives how often each token came.
func shares(t *testing.T, o runtime.Sampling, logits []float32, n int) map[int32]float64 {
	t.Helper()
	p, out := sampler(t, o), map[int32]float64{}
	for range n {
		id, err := p.Sample(logits)
		if err != nil {
			t.Fatal(err)
		}
		out[id] += 1 / float64(n)
	}
	return out
}

// logs gives logits of which a softmax makes the probabilities p.
func logs(p ...float64) []float32 {
	out := make([]float32, len(p))
	for i, v := range p {
		out[i] = float32(math.Log(v) + 3) // a shift changes nothing
	}
	return out
}

// TestSampleDistribution compares shares of 20,000 draws with what the options
// leave, worked out by hand. One standard deviation is at most 0.0036.
func TestSampleDistribution(t *testing.T) {
	logits := logs(0.1, 0.4, 0.2, 0.25, 0.05)
	all := runtime.Sampling{Temperature: 1, TopP: 1, Seed: 42}
	tests := []struct {
		name string
		edit func(o *runtime.Sampling)
		want map[int32]float64
	}{
		{"all", func(*runtime.Sampling) {}, map[int32]float64{0: 0.1, 1: 0.4, 2: 0.2, 3: 0.25, 4: 0.05}},
		{"top-k 2", func(o *runtime.Sampling) { o.TopK = 2 }, map[int32]float64{1: 0.4 / 0.65, 3: 0.25 / 0.65}},
		{"top-k beyond the vocabulary", func(o *runtime.Sampling) { o.TopK = 99 }, map[int32]float64{0: 0.1, 1: 0.4, 2: 0.2, 3: 0.25, 4: 0.05}},
		{"top-p 0.6", func(o *runtime.Sampling) { o.TopP = 0.6 }, map[int32]float64{1: 0.4 / 0.65, 3: 0.25 / 0.65}},
		{"top-p 0.66", func(o *runtime.Sampling) { o.TopP = 0.66 }, map[int32]float64{1: 0.4 / 0.85, 3: 0.25 / 0.85, 2: 0.2 / 0.85}},
		{"top-p 0", func(o *runtime.Sampling) { o.TopP = 0 }, map[int32]float64{1: 1}},
		{"min-p 0.3", func(o *runtime.Sampling) { o.MinP = 0.3 }, map[int32]float64{1: 0.4 / 0.85, 3: 0.25 / 0.85, 2: 0.2 / 0.85}},
		{"min-p 1", func(o *runtime.Sampling) { o.MinP = 1 }, map[int32]float64{1: 1}},
		// 0.4 and 0.25 are 0.8 of what top-k leaves: top-p sees probabilities
		// among those, and at temperature 1.
		{
			"top-k 3 then top-p 0.76", func(o *runtime.Sampling) { o.TopK, o.TopP, o.Temperature = 3, 0.76, 0.5 },
			map[int32]float64{1: 0.16 / 0.2225, 3: 0.0625 / 0.2225},
		},
		{
			"temperature 2", func(o *runtime.Sampling) { o.TopK, o.Temperature = 2, 2 },
			map[int32]float64{1: math.Sqrt(0.4) / (math.Sqrt(0.4) + math.Sqrt(0.25)), 3: math.Sqrt(0.25) / (math.Sqrt(0.4) + math.Sqrt(0.25))},
		},
		{"temperature next to 0", func(o *runtime.Sampling) { o.Temperature = 1e-300 }, map[int32]float64{1: 1}},
		{"greedy", func(o *runtime.Sampling) { o.Temperature = 0 }, map[int32]float64{1: 1}},
		{"negative temperature", func(o *runtime.Sampling) { o.Temperature = -1 }, map[int32]float64{1: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := all
			tt.edit(&o)
			got := shares(t, o, logits, 20_000)
			for id := range int32(5) {
				if math.Abs(got[id]-tt.want[id]) > 0.015 || (got[id] > 0) != (tt.want[id] > 0) {
					t.Errorf("token %d: share %.4f, want %.4f", id, got[id], tt.want[id])
				}
			}
		})
	}
}

// TestTopKOfMany compares the selection with a sort of everything, in a
// vocabulary with many equal logits. Min-p 0 and equal weights make every kept
// token likely.
func TestTopKOfMany(t *testing.T) {
	logits := make([]float32, 5000)
	for i := range logits {
		logits[i] = float32(i * 7919 % 257)
	}
	ids := make([]int32, len(logits))
	for i := range ids {
		ids[i] = int32(i)
	}
	slices.SortStableFunc(ids, func(a, b int32) int { return int(logits[b]) - int(logits[a]) })
	for _, k := range []int{1, 2, 19, 20, 40} {
		got := shares(t, runtime.Sampling{Temperature: 1e4, TopP: 1, TopK: k, Seed: 7}, logits, 200*k)
		for i, id := range ids[:100] {
			if (got[id] > 0) != (i < k) {
				t.Errorf("top-k %d: token %d of rank %d has share %v", k, id, i, got[id])
			}
		}
	}
}

func TestSampleSeeds(t *testing.T) {
	logits := make([]float32, 1000)
	draw := func(seed uint64) []int32 {
		p := sampler(t, runtime.Sampling{Temperature: 1, TopP: 1, Seed: seed})
		var ids []int32
		for range 20 {
			id, err := p.Sample(logits)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		return ids
	}
	if diff := cmp.Diff(draw(1), draw(1)); diff != "" {
		t.Errorf("one seed, two results:\n%s", diff)
	}
	if cmp.Equal(draw(1), draw(2)) {
		t.Error("two seeds, one result")
	}
	// Pinned: a seed that a user wrote down must keep its meaning.
	if diff := cmp.Diff([]int32{238, 500, 49, 489, 750}, draw(1)[:5]); diff != "" {
		t.Errorf("seed 1 (-want +got):\n%s", diff)
	}
}

func TestSampleTies(t *testing.T) {
	id, err := sampler(t, runtime.Sampling{}).Sample([]float32{1, 3, 2, 3})
	if id != 1 || err != nil {
		t.Errorf("token %d, error %v; want the first of the best, 1", id, err)
	}
}

func TestSampleNotFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, temperature := range []float64{0, 1} {
		p := sampler(t, runtime.Sampling{Temperature: temperature, TopP: 1})
		for _, logits := range [][]float32{{1, nan}, {nan, 1}, {inf, 1}, {-inf, -inf}, {}} {
			if id, err := p.Sample(logits); !errors.Is(err, runtime.ErrNotFinite) {
				t.Errorf("temperature %v, logits %v: token %d, error %v", temperature, logits, id, err)
			}
		}
		for range 20 {
			if id, err := p.Sample([]float32{-inf, -1000, -inf}); id != 1 || err != nil {
				t.Errorf("temperature %v: token %d, error %v; only 1 is possible", temperature, id, err)
			}
		}
	}
}

func TestSamplingLimits(t *testing.T) {
	nan := math.NaN()
	for _, o := range []runtime.Sampling{
		{Temperature: nan, TopP: 1},
		{Temperature: math.Inf(1), TopP: 1},
		{TopP: nan},
		{TopP: 1.5},
		{TopP: -0.1},
		{TopP: 1, MinP: nan},
		{TopP: 1, MinP: 2},
		{TopP: 1, MinP: -1},
	} {
		if _, err := runtime.NewSampler(o); !errors.Is(err, runtime.ErrOption) {
			t.Errorf("%+v: error %v", o, err)
		}
	}
	if diff := cmp.Diff(runtime.Sampling{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05}, runtime.DefaultSampling()); diff != "" {
		t.Errorf("defaults (-llama.cpp's +ours):\n%s", diff)
	}
}

func BenchmarkSample(b *testing.B) {
	logits := make([]float32, 128_256)
	for i := range logits {
		logits[i] = float32(math.Sin(float64(i) * 12.9898))
	}
	for _, k := range []int{40, 0} {
		b.Run(fmt.Sprintf("top-k=%d", k), func(b *testing.B) {
			o := runtime.DefaultSampling()
			o.TopK = k
			p := sampler(b, o)
			for b.Loop() {
				if _, err := p.Sample(logits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
