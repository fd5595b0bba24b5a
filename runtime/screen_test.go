package runtime_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// screenVocab is just enough for the 40 best to be screened.
const (
	screenVocab = 2600
	screenCols  = 256
)

// firstWide is the first of heads that F16 cannot hold as it is.
const firstWide = 9

// heads are the rows of an output matrix, for each of which some estimate might
// go wrong. Formats that cannot hold a head leave it out.
var heads = []struct {
	name string
	fill func(r *rand.Rand, row int, w []float32)
}{
	{"normal", func(r *rand.Rand, _ int, w []float32) { normal(r, w, 0.02) }},
	{"near ties", func(r *rand.Rand, row int, w []float32) {
		normal(rand.New(rand.NewPCG(1, 1)), w, 0.02)
		w[row%len(w)] *= 1 + 1e-3*float32(r.Float64())
	}},
	{"duplicates", func(_ *rand.Rand, row int, w []float32) {
		normal(rand.New(rand.NewPCG(uint64(row%7), 1)), w, 0.02)
	}},
	{"mostly zero", func(r *rand.Rand, row int, w []float32) {
		if row%97 == 5 {
			normal(r, w, 0.02)
		}
	}},
	{"norms from 1e-4 to 10", func(r *rand.Rand, _ int, w []float32) {
		normal(r, w, float32(math.Pow(10, -4+5*r.Float64())))
	}},
	{"one large weight a row", func(r *rand.Rand, row int, w []float32) {
		normal(r, w, 0.001)
		w[row%len(w)] = float32(r.NormFloat64())
	}},
	{"on a grid", func(r *rand.Rand, _ int, w []float32) {
		for i := range w {
			w[i] = float32(r.IntN(3)-1) / 64
		}
	}},
	// Odd rows are the best for equal negative activations, but only by what
	// bytes round off: their estimates are below those of the others.
	{"weights rounded against the best", func(_ *rand.Rand, row int, w []float32) {
		for i := range w {
			w[i] = float32(i%7-3) + 0.49
			if row%2 == 1 {
				w[i] -= 0.98
				if i%4 < 3 {
					w[i]++
				}
			}
			w[i] /= 128
		}
		w[0] = 127. / 128
	}},
	// The same by what activations are rounded by.
	{"alternating", func(_ *rand.Rand, row int, w []float32) {
		for i := range w {
			w[i] = float32(row%2*2-1) / 64
		}
		w[0] = 0
	}},
	{"subnormal", func(r *rand.Rand, _ int, w []float32) { normal(r, w, 1e-7) }},
	{"tiny", func(r *rand.Rand, row int, w []float32) {
		normal(r, w, []float32{1e-20, 1e-33, 1e-39, 1e-44}[row%4])
	}},
	{"huge", func(r *rand.Rand, row int, w []float32) {
		normal(r, w, 0.02)
		if row%1000 == 17 {
			normal(r, w, 3e36)
		}
	}},
	{"not finite", func(r *rand.Rand, row int, w []float32) {
		normal(r, w, 0.02)
		if row == 1234 {
			w[3] = float32(math.Inf(-1))
		}
	}},
	{"not a number", func(r *rand.Rand, row int, w []float32) {
		normal(r, w, 0.02)
		if row == 1234 {
			w[3] = float32(math.NaN())
		}
	}},
}

// tokens are what the head is multiplied with.
var tokens = []struct {
	name string
	fill func(r *rand.Rand, x []float32)
}{
	{"normal", func(r *rand.Rand, x []float32) { normal(r, x, 1) }},
	{"outlier", func(r *rand.Rand, x []float32) { normal(r, x, 1); x[7] = 1e4 }},
	{"two outliers", func(r *rand.Rand, x []float32) { normal(r, x, 1e-3); x[100], x[101] = -3e4, 3e4 }},
	{"equal", func(_ *rand.Rand, x []float32) {
		for i := range x {
			x[i] = -0.7
		}
	}},
	{"rounded against alternating rows", func(_ *rand.Rand, x []float32) {
		for i := range x {
			x[i] = 0.49
			if i%8 < 3 {
				x[i] -= 1
			}
		}
		x[0] = 127 << 8
	}},
	{"one", func(_ *rand.Rand, x []float32) { clear(x); x[200] = 3 }},
	{"subnormal", func(r *rand.Rand, x []float32) { normal(r, x, 1e-41) }},
	{"huge", func(r *rand.Rand, x []float32) { normal(r, x, 1e36) }},
	{"zero", func(_ *rand.Rand, x []float32) { clear(x) }},
	{"NaN", func(r *rand.Rand, x []float32) { normal(r, x, 1); x[9] = float32(math.NaN()) }},
	{"Inf", func(r *rand.Rand, x []float32) { normal(r, x, 1); x[9] = float32(math.Inf(1)) }},
}

func normal(r *rand.Rand, w []float32, scale float32) {
	for i := range w {
		w[i] = float32(r.NormFloat64()) * scale
	}
}

// TestScreen: the best logits are those of the full head to the bit, for all
// types of head, hostile rows and hostile activations.
func TestScreen(t *testing.T) {
	for _, typ := range []quant.Type{quant.F16, quant.BF16, quant.F32, quant.Q8_0, quant.Q6_K} {
		p := testmodel.Params(t, "llama")
		p.Blocks, p.Vocab, p.Embedding = 1, screenVocab, screenCols
		p.FeedForward, p.Heads, p.KVHeads, p.HeadDim = 32, 1, 1, 32
		f := testmodel.Random(t, p, testmodel.Types{Projection: quant.F16, Embedding: typ}, 1)
		for i, h := range heads {
			if wide := typ == quant.BF16 || typ == quant.F32; wide && 0 < i && i < firstWide {
				continue // as F16
			}
			t.Run(typ.String()+"/"+h.name, func(t *testing.T) {
				fillHead(t, f.Tensor(t, arch.OutputHead).Data, typ, h.fill)
				for j, b := range kernels.Available() {
					if i > 0 && (j == 0 || (i+j)%2 == 0) {
						continue // all give the same bits; plain Go is slow
					}
					testScreen(t, f, b.Name, 1+2*(j%2))
				}
			})
		}
	}
}

// fillHead encodes the rows of a head.
func fillHead(t *testing.T, data []byte, typ quant.Type, fill func(r *rand.Rand, row int, w []float32)) {
	t.Helper()
	c, _ := quant.Lookup(typ)
	r, w := rand.New(rand.NewPCG(3, 3)), make([]float32, screenCols)
	size := len(data) / screenVocab
	for row := range screenVocab {
		clear(w)
		fill(r, row, w)
		dst := data[row*size:][:size]
		switch err := c.Encode(dst, w, 0); {
		case err == nil:
		case typ == quant.F32:
			for i, v := range w {
				binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
			}
		case typ == quant.BF16:
			for i, v := range w {
				binary.LittleEndian.PutUint16(dst[2*i:], uint16(math.Float32bits(v)>>16))
			}
		case typ == quant.F16:
			for i, v := range w {
				if math.Abs(float64(v)) < 60000 {
					v = 0
				}
				// Inf, or a NaN.
				h := uint16(0x7c00) | uint16(math.Float32bits(v)>>16)&0x8000
				switch {
				case v == 0:
					h = 0
				case v != v:
					h |= 1
				}
				binary.LittleEndian.PutUint16(dst[2*i:], h)
			}
		case typ == quant.Q6_K:
			binary.LittleEndian.PutUint16(dst[208:], 0x7c00+uint16(row%2))
		default:
			binary.LittleEndian.PutUint16(dst, 0xfc00+uint16(row%2))
		}
	}
}

func testScreen(t *testing.T, f *testmodel.File, backend string, threads int) {
	t.Helper()
	m := runtime.ScreenAlways(load(t, f, runtime.Options{Kernels: backend, Threads: threads}), 0)
	var x []float32
	s := session(t, m, runtime.SessionOptions{Context: 8, Watch: func(layer int, tensor string, row []float32) {
		if layer == -1 && tensor == arch.OutputNorm {
			copy(row, x)
		}
	}})
	r := rand.New(rand.NewPCG(4, 4))
	for _, tok := range tokens {
		x = make([]float32, screenCols)
		tok.fill(r, x)
		full, err := s.Eval(t.Context(), []int32{1})
		if err != nil {
			t.Fatal(err)
		}
		full = slices.Clone(full)
		ids := ranked(full)
		for _, k := range []int{1, 5, 40} {
			rewind(t, s)
			got, err := s.EvalBest(t.Context(), []int32{1}, k)
			if err != nil {
				t.Fatal(err)
			}
			if err := equalBest(got, full, ids, k); err != nil {
				t.Errorf("%s, %d threads, %s, the best %d: %v", backend, threads, tok.name, k, err)
			}
			equalSamples(t, got, full, k)
		}
		rewind(t, s)
	}
}

func rewind(t testing.TB, s *runtime.Session) {
	t.Helper()
	if err := s.Rewind(0); err != nil {
		t.Fatal(err)
	}
}

// equalBest compares logits with those of the full head, whose tokens are
// ranked in ids.
func equalBest(got, full []float32, ids []int, k int) error {
	inf := float32(math.Inf(-1))
	for i, v := range got {
		if v != inf && math.Float32bits(v) != math.Float32bits(full[i]) {
			return fmt.Errorf("logit %d is %v, must be %v or -Inf", i, v, full[i])
		}
		if f := full[i]; f != f && v == v {
			return fmt.Errorf("logit %d is %v, must be a NaN", i, v)
		}
	}
	best := ranked(got)
	k = min(k, len(ids))
	if len(best) < k || !slices.Equal(best[:k], ids[:k]) {
		return fmt.Errorf("tokens %v, must be %v", best[:min(k, len(best))], ids[:k])
	}
	return nil
}

// ranked gives the tokens that can be, best first.
func ranked(logits []float32) []int {
	var ids []int
	for i, v := range logits {
		if v > float32(math.Inf(-1)) {
			ids = append(ids, i)
		}
	}
	slices.SortFunc(ids, func(a, b int) int {
		return cmp.Or(cmp.Compare(logits[b], logits[a]), cmp.Compare(a, b))
	})
	return ids
}

// equalSamples compares what a sampler makes of both, errors too.
func equalSamples(t *testing.T, got, full []float32, k int) {
	t.Helper()
	for _, temperature := range []float64{0, 0.8} {
		if temperature == 0 && k > 1 {
			continue
		}
		o := runtime.Sampling{Temperature: temperature, TopK: k, TopP: 1, Seed: 5}
		var ids [2]int32
		var errs [2]error
		for i, logits := range [][]float32{got, full} {
			p, err := runtime.NewSampler(o)
			if err != nil {
				t.Fatal(err)
			}
			ids[i], errs[i] = p.Sample(logits)
		}
		if ids[0] != ids[1] || fmt.Sprint(errs[0]) != fmt.Sprint(errs[1]) {
			t.Errorf("%+v gives %d, %v; of all logits %d, %v", o, ids[0], errs[0], ids[1], errs[1])
		}
	}
}

// TestScreenSaves: of an ordinary head only a few logits are computed, and
// whoever asks for all gets all.
func TestScreenSaves(t *testing.T) {
	for typ, most := range map[quant.Type]float64{quant.F16: 60, quant.Q8_0: 3, quant.Q6_K: 3} {
		t.Run(typ.String(), func(t *testing.T) {
			m := runtime.ScreenAlways(load(t, screenModel(t, typ), runtime.Options{}), 0)
			s := session(t, m, runtime.SessionOptions{})
			for i := range 20 {
				if _, err := s.EvalBest(t.Context(), []int32{int32(i)}, 1); err != nil {
					t.Fatal(err)
				}
			}
			calls, logits := s.Screened()
			t.Logf("%.1f of %d logits a token", float64(logits)/float64(calls), screenVocab)
			if calls != 20 || float64(logits) > most*20 {
				t.Errorf("%d calls of 20 screened, %d logits", calls, logits)
			}
			for _, k := range []int{0, -1, screenVocab/64 + 1} {
				logits, err := s.EvalBest(t.Context(), []int32{7}, k)
				if err != nil || slices.Contains(logits, float32(math.Inf(-1))) {
					t.Errorf("the best %d: not all logits (error %v)", k, err)
				}
			}
			if calls, _ := s.Screened(); calls != 20 {
				t.Errorf("%d calls screened, must be 20", calls)
			}
		})
	}
}

func screenModel(t testing.TB, typ quant.Type) *testmodel.File {
	t.Helper()
	p := testmodel.Params(t, "bitnet-b1.58")
	p.Blocks, p.Vocab = 1, screenVocab
	return testmodel.Random(t, p, testmodel.Types{Projection: quant.I2_S, Embedding: typ}, 1)
}

// TestScreenRests: where most logits have to be computed anyway, screening
// stops and tries again later.
func TestScreenRests(t *testing.T) {
	p := testmodel.Params(t, "llama")
	p.Blocks, p.Vocab = 1, screenVocab
	f := testmodel.Random(t, p, testmodel.Types{Projection: quant.F16, Embedding: quant.F16}, 1)
	clear(f.Tensor(t, arch.OutputHead).Data) // all logits are the same
	s := session(t, runtime.ScreenAlways(load(t, f, runtime.Options{}), 64), runtime.SessionOptions{})
	for range 2 * 65 {
		if _, err := s.EvalBest(t.Context(), []int32{1}, 1); err != nil {
			t.Fatal(err)
		}
	}
	if calls, _ := s.Screened(); calls != 2 {
		t.Errorf("%d calls screened, must be one of 65", calls)
	}
}

// TestScreenWhen: small heads, types whose full head is as fast, and models
// opened with FullHead are not screened, and none before its time.
func TestScreenWhen(t *testing.T) {
	p := testmodel.Params(t, "llama")
	p.Blocks, p.Vocab = 1, 1<<16
	p.FeedForward, p.Heads, p.KVHeads, p.HeadDim = 32, 1, 1, 32
	for _, tt := range []struct {
		name string
		typ  quant.Type
		full bool
		from int // the first token screened; 0: none is
	}{
		{"large", quant.Q8_0, false, 9},
		{"large, full head", quant.Q8_0, true, 0},
		{"another type", quant.Q4_0, false, 0},
		{"small", quant.F16, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := *p
			if tt.name == "small" {
				p.Vocab = screenVocab
			}
			f := testmodel.Random(t, &p, testmodel.Types{Projection: quant.F16, Embedding: tt.typ}, 1)
			m := load(t, f, runtime.Options{FullHead: tt.full})
			s := session(t, m, runtime.SessionOptions{})
			for i := 1; i <= 10; i++ {
				if _, err := s.EvalBest(t.Context(), []int32{1}, 1); err != nil {
					t.Fatal(err)
				}
				calls, _ := s.Screened()
				if want := tt.from > 0 && i >= tt.from; (calls > 0) != want {
					t.Errorf("%d calls screened after token %d", calls, i)
				}
			}
			mem, err := m.Memory(runtime.SessionOptions{})
			if err != nil || (mem.Head > 0) != (tt.from > 0) || mem.Total() != mem.Weights+mem.Head+mem.KV+mem.Buffers {
				t.Errorf("memory %+v (%v)", mem, err)
			}
		})
	}
}

// TestScreenSteadyState: a screened token takes no new memory.
func TestScreenSteadyState(t *testing.T) {
	for _, typ := range []quant.Type{quant.F16, quant.Q8_0, quant.Q6_K} {
		for _, k := range []int{1, 40} {
			t.Run(fmt.Sprintf("%v, the best %d", typ, k), func(t *testing.T) {
				s := session(t, runtime.ScreenAlways(load(t, screenModel(t, typ), runtime.Options{Threads: 3}), 0), runtime.SessionOptions{})
				ctx, next := t.Context(), []int32{1}
				step := func() {
					if _, err := s.EvalBest(ctx, next, k); err != nil {
						t.Fatal(err)
					}
				}
				for range 10 { // workers share the rows as it comes
					step()
				}
				if n := testing.AllocsPerRun(45, step); n != 0 {
					t.Errorf("%v allocations a token", n)
				}
				if calls, _ := s.Screened(); calls == 0 {
					t.Error("nothing was screened")
				}
			})
		}
	}
}

// TestScreenConcurrently: sessions of one model that begin at once, fork and
// rewind generate what one with a full head does.
func TestScreenConcurrently(t *testing.T) {
	f := screenModel(t, quant.F16)
	want := generated(t, session(t, load(t, f, runtime.Options{FullHead: true}), runtime.SessionOptions{}))
	m := runtime.ScreenAlways(load(t, f, runtime.Options{Threads: 2}), 0)
	var wg sync.WaitGroup
	for range 4 {
		s := session(t, m, runtime.SessionOptions{})
		wg.Go(func() {
			for range 2 {
				if got := generated(t, s); !slices.Equal(got, want) {
					t.Errorf("tokens %v, must be %v", got, want)
				}
				if calls, _ := s.Screened(); calls == 0 {
					t.Error("nothing was screened")
				}
				fork, err := s.Fork()
				if err != nil {
					t.Error(err)
					return
				}
				if err := fork.Rewind(0); err != nil {
					t.Error(err)
				}
				s = fork
				generated(t, s)
				rewind(t, s)
			}
		})
	}
	wg.Wait()
}

// generated samples from the 40 best.
func generated(t testing.TB, s *runtime.Session) []int32 {
	t.Helper()
	p, err := runtime.NewSampler(runtime.DefaultSampling())
	if err != nil {
		t.Error(err)
		return nil
	}
	var ids []int32
	for id, err := range runtime.Generate(t.Context(), s, p, []int32{3, 1, 4}, runtime.Stop{Max: 30}) {
		if err != nil {
			t.Error(err)
		}
		ids = append(ids, id)
	}
	return ids
}
