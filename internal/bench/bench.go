// Package bench measures how fast a model is evaluated, in the way of
// llama-bench: a prompt test evaluates tokens as one prompt, a generation test
// evaluates them one at a time, both with arbitrary tokens and without
// sampling. Of a token's logits the best one is asked for, as in greedy
// generation. Start with [Run]. [Meter] counts the energy, [Plot] draws the
// result.
package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/runtime"
)

// Options are what to measure.
type Options struct {
	Prompt      int   // tokens of the prompt test; 0: no such test
	Generate    int   // tokens of the generation test; 0: no such test
	Depths      []int // tokens in the context before a test begins
	Threads     []int // each test with each of these
	Repetitions int   // of each test, after one more to warm up
	Session     runtime.SessionOptions

	// FullHead asks for all logits of every token.
	FullHead bool

	// Meter counts the energy of generation tests, if it is not nil.
	Meter *Meter
}

// Test says what was measured: one of the two numbers is 0.
type Test struct {
	Prompt, Generate int
	Depth            int
}

// String gives the name that llama-bench gives the test, as in "pp512" or
// "tg128@d1024".
func (t Test) String() string {
	name := fmt.Sprintf("pp%d", t.Prompt)
	if t.Generate > 0 {
		name = fmt.Sprintf("tg%d", t.Generate)
	}
	if t.Depth > 0 {
		name += fmt.Sprintf("@d%d", t.Depth)
	}
	return name
}

func (t Test) tokens() int { return t.Prompt + t.Generate }

// Row is a test with a number of threads.
type Row struct {
	Test    Test
	Threads int
	Seconds []float64 // of each repetition
	Joules  float64   // of all repetitions; 0 without a meter

	// Screened is how many tokens of all repetitions had only those logits
	// computed that could be the best, and Logits how many these were.
	Screened, Logits int64
}

// Head says what was computed of the logits.
func (r Row) Head() string {
	switch r.Screened {
	case 0:
		return "full"
	case int64(r.Test.Generate * len(r.Seconds)):
		return "screened"
	default:
		return "partly screened"
	}
}

// LogitsPerToken gives how many logits a screened token had computed.
func (r Row) LogitsPerToken() float64 { return float64(r.Logits) / float64(max(r.Screened, 1)) }

// Speed gives mean and standard deviation of the tokens per second over the
// repetitions.
func (r Row) Speed() (mean, deviation float64) {
	n := float64(len(r.Seconds))
	for _, s := range r.Seconds {
		mean += float64(r.Test.tokens()) / s / n
	}
	for _, s := range r.Seconds {
		d := float64(r.Test.tokens())/s - mean
		deviation += d * d
	}
	if n < 2 {
		return mean, 0
	}
	return mean, math.Sqrt(deviation / (n - 1))
}

// JoulesPer1k gives the energy of a thousand tokens, 0 if it was not measured.
func (r Row) JoulesPer1k() float64 {
	return r.Joules * 1000 / float64(r.Test.tokens()*len(r.Seconds))
}

// Best gives the row of each test with the highest mean speed, in the order of
// the tests.
func Best(rows []Row) []Row {
	var best []Row
next:
	for _, r := range rows {
		for i, b := range best {
			if b.Test == r.Test {
				if s, _ := r.Speed(); s > first(b.Speed()) {
					best[i] = r
				}
				continue next
			}
		}
		best = append(best, r)
	}
	return best
}

func first(a, _ float64) float64 { return a }

// Run measures the models that open gives for a number of threads; it closes
// them. The rows are ordered by threads, then by depth, the prompt test first.
func Run(ctx context.Context, open func(threads int) (*runtime.Model, error), o Options, sink progress.Sink) ([]Row, error) {
	var tests []Test
	for _, depth := range o.Depths {
		if o.Prompt > 0 {
			tests = append(tests, Test{Prompt: o.Prompt, Depth: depth})
		}
		if o.Generate > 0 {
			tests = append(tests, Test{Generate: o.Generate, Depth: depth})
		}
	}
	task := sink.Start("bench, runs", int64(len(tests)*len(o.Threads)*(o.Repetitions+1)))
	var rows []Row
	var err error
	for _, threads := range o.Threads {
		if rows, err = measure(ctx, rows, tests, threads, open, o, task); err != nil {
			break
		}
	}
	task.Done(err)
	return rows, err
}

// measure appends the rows of one number of threads.
func measure(ctx context.Context, rows []Row, tests []Test, threads int, open func(int) (*runtime.Model, error), o Options, task progress.Task) ([]Row, error) {
	m, err := open(threads)
	if err != nil {
		return rows, err
	}
	defer m.Close()
	s, err := m.NewSession(o.Session)
	if err != nil {
		return rows, err
	}
	for _, t := range tests {
		row := Row{Test: t, Threads: threads}
		if err := reach(ctx, s, t.Depth); err != nil {
			return rows, err
		}
		for i := range o.Repetitions + 1 {
			tokens, logits := s.Screened()
			seconds, joules, err := repeat(ctx, s, t, o)
			if err != nil {
				return rows, fmt.Errorf("%s: %w", t, err)
			}
			task.Add(1)
			if i > 0 { // the first one warms up
				row.Seconds = append(row.Seconds, seconds)
				row.Joules += joules
				after, all := s.Screened()
				row.Screened, row.Logits = row.Screened+after-tokens, row.Logits+all-logits
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// reach fills the session up to a depth.
func reach(ctx context.Context, s *runtime.Session, depth int) error {
	if err := s.Rewind(min(s.Pos(), depth)); err != nil || s.Pos() == depth {
		return err
	}
	_, err := s.Eval(ctx, tokens(depth-s.Pos(), s.Model().Params().Vocab))
	return err
}

// repeat times one run of a test and leaves the session where it was.
func repeat(ctx context.Context, s *runtime.Session, t Test, o Options) (seconds, joules float64, err error) {
	ids := tokens(t.tokens(), s.Model().Params().Vocab)
	step, best, meter := 1, 1, o.Meter
	if t.Prompt > 0 {
		step, meter = len(ids), nil
	}
	if t.Prompt > 0 || o.FullHead {
		best = 0
	}
	before, err := meter.read()
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	for at := 0; at < len(ids); at += step {
		if _, err := s.EvalBest(ctx, ids[at:at+step], best); err != nil {
			return 0, 0, err
		}
	}
	seconds = time.Since(start).Seconds()
	if joules, err = meter.since(before); err != nil {
		return 0, 0, err
	}
	return seconds, joules, s.Rewind(t.Depth)
}

// tokens makes n arbitrary tokens, the same each time.
func tokens(n, vocab int) []int32 {
	r := rand.New(rand.NewPCG(1, 2))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = r.Int32N(int32(vocab))
	}
	return ids
}
