package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
	"github.com/akadata/bitnet-tool/verify"
)

// seed makes random numbers that depend on nothing else.
type seed uint64

func (s seed) rand(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(uint64(s), h.Sum64()))
}

// result is one file of the study and what came of it.
type result struct {
	class, base, note string
	want              verify.Verdict
	damage            float64 // nats a token of the base by which a text is predicted worse; Inf: not at all
	report            *verify.Report
	err               error
	seconds           float64

	withBaseline, against verify.Verdict // "": not asked
}

// study is what all runs share.
type study struct {
	tb    *bench
	seed  seed
	files map[string][]byte // good files by name
	nll   map[string]float64
	text  string
	full  bool // also with a baseline and against the checkpoint
	base  map[string]*verify.Baseline
	mu    sync.Mutex
}

func newStudy(ctx context.Context, s seed) (*study, error) {
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return nil, err
	}
	st := &study{tb: &bench{dir: dir, ctx: ctx}, seed: s, files: map[string][]byte{}, nll: map[string]float64{}, base: map[string]*verify.Baseline{}}
	st.text = string(fixture.PerplexityText(st.tb)[:textBytes])
	return st, nil
}

// textBytes is how much of the fixtures' text the damage is measured on. It is
// not what verify looks at.
const textBytes = 600

func (st *study) close() { os.RemoveAll(st.tb.dir) }

// job makes one result.
type job func() result

// mutants plans n mutants, class after class.
func (st *study) mutants(n int) []job {
	var jobs []job
	cs := classes()
	for i := range n {
		c := cs[i%len(cs)]
		jobs = append(jobs, func() result { return st.mutant(c, i/len(cs)) })
	}
	return jobs
}

// ways are the bases of a class that names none.
var ways = []string{"masters I2_S", "masters TQ2_0", "masters Q8_0", "packed I2_S", "llama BF16", "llama Q8_0"}

func (st *study) mutant(c class, turn int) result {
	r := st.seed.rand(fmt.Sprint(c.name, turn))
	bases := c.bases
	if bases == nil {
		bases = ways
	}
	base := bases[r.IntN(len(bases))]
	m := newMutant(st.tb, st.good(base), r)
	c.mutate(m)
	data := m.file()
	res := result{class: c.name, base: base, note: m.note, want: c.want}
	res.damage = st.surprise(data) - st.goodNLL(base)
	if math.IsNaN(res.damage) {
		res.damage = math.Inf(1)
	}
	st.verify(&res, data)
	return res
}

// goods plans all good variants.
func (st *study) goods() []job {
	var jobs []job
	for _, g := range variants() {
		jobs = append(jobs, func() result {
			res := result{class: "good", base: g.name, want: verify.Good}
			st.verify(&res, st.good(g.name))
			return res
		})
	}
	return jobs
}

// good gives a good file by name.
func (st *study) good(name string) []byte {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.files[name] == nil {
		i := slices.IndexFunc(variants(), func(g good) bool { return g.name == name })
		st.files[name] = variants()[i].make(st.tb, st.seed)
	}
	return st.files[name]
}

func (st *study) goodNLL(name string) float64 {
	st.mu.Lock()
	v, ok := st.nll[name]
	st.mu.Unlock()
	if ok {
		return v
	}
	v = st.surprise(st.good(name))
	st.mu.Lock()
	defer st.mu.Unlock()
	st.nll[name] = v
	return v
}

// textTokens is what the text has in the fixtures' vocabulary: the unit of
// damage, also for mutants with another.
const textTokens = 200

// surprise gives the negative log-probability of the text in nats, by tokens of
// the good model; Inf if it cannot be evaluated.
func (st *study) surprise(data []byte) float64 {
	f, err := gguf.NewFile(readerAt(data), int64(len(data)))
	if err != nil {
		return math.Inf(1)
	}
	m, err := runtime.Load(f, runtime.Options{Threads: 1})
	if err != nil {
		return math.Inf(1)
	}
	v, err := token.FromMeta(&f.Meta)
	if err != nil {
		return math.Inf(1)
	}
	t, err := token.New(v)
	if err != nil {
		return math.Inf(1)
	}
	ids := t.Encode(st.text, token.EncodeOptions{AddSpecial: true})
	s, err := m.NewSession(runtime.SessionOptions{Context: min(len(ids), m.Params().Context)})
	if err != nil {
		return math.Inf(1)
	}
	ids = ids[:min(len(ids), s.Context())]
	var sum float64
	err = s.EvalAll(st.tb.ctx, ids, func(pos int, logits []float32) error {
		if pos+1 < len(ids) {
			sum += surprise(logits, ids[pos+1])
		}
		return nil
	})
	if err != nil {
		return math.Inf(1)
	}
	return sum / textTokens
}

func surprise(logits []float32, id int32) float64 {
	top := logits[0]
	for _, v := range logits {
		top = max(top, v)
	}
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v - top))
	}
	return math.Log(sum) - float64(logits[id]-top)
}

// verify asks for the verdict on a file.
func (st *study) verify(res *result, data []byte) {
	path := filepath.Join(st.tb.TempDir(), "model.gguf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		st.tb.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(path))
	start := time.Now()
	o := verify.Options{Level: verify.Smoke, Threads: 1, Render: token.RenderTemplate}
	res.report, res.err = verify.Run(st.tb.ctx, path, o)
	res.seconds = time.Since(start).Seconds()
	if !st.full {
		return
	}
	o.Level, o.Against = verify.Lineage, st.source(res.base)
	res.against = st.verdict(path, o)
	o.Level, o.Against, o.Baseline = verify.Golden, "", st.baseline(res.base)
	res.withBaseline = st.verdict(path, o)
}

func (st *study) verdict(path string, o verify.Options) verify.Verdict {
	r, err := verify.Run(st.tb.ctx, path, o)
	switch {
	case r == nil:
		return verify.Verdict(fmt.Sprint(err))
	case r.Count(verify.Error) > 0 || r.Verdict != verify.Unknown:
		return r.Verdict
	case o.Level == verify.Lineage && err == nil:
		return verify.Good
	}
	return r.Verdict
}

// source gives the checkpoint that a good file was made from.
func (st *study) source(name string) string {
	for _, g := range variants() {
		if g.name == name {
			return sources[g.source](st.tb)
		}
	}
	return ""
}

// baseline takes the baseline of a good file once.
func (st *study) baseline(name string) *verify.Baseline {
	data := st.good(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.base[name] == nil {
		path := filepath.Join(st.tb.TempDir(), "good.gguf")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			st.tb.Fatal(err)
		}
		b, err := verify.NewBaseline(st.tb.ctx, path, verify.BaselineOptions{Greedy: 8, Threads: 1})
		if err != nil {
			st.tb.Fatal(err)
		}
		st.base[name] = b
	}
	return st.base[name]
}

// run does jobs, several at a time, and hands results over in order.
func run(jobs []job, workers int, done func(result)) {
	results := make([]chan result, len(jobs))
	for i := range results {
		results[i] = make(chan result, 1)
	}
	next := make(chan int)
	go func() {
		for i := range jobs {
			next <- i
		}
		close(next)
	}()
	for range workers {
		go func() {
			for i := range next {
				results[i] <- jobs[i]()
			}
		}()
	}
	for _, r := range results {
		done(<-r)
	}
}
