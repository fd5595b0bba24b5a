package bench_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/akadata/bitnet-tool/internal/bench"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
	"github.com/google/go-cmp/cmp"
)

func run(t *testing.T, o bench.Options) []bench.Row {
	t.Helper()
	f := testmodel.Random(t, testmodel.Params(t, "bitnet-b1.58"), testmodel.Types{Projection: quant.I2_S, Embedding: quant.F16}, 1)
	rows, err := bench.Run(t.Context(), func(threads int) (*runtime.Model, error) {
		return runtime.Load(f.Open(t), runtime.Options{Threads: threads})
	}, o, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestRunMeasuresEveryTest(t *testing.T) {
	type line struct {
		Test          string
		Threads, Reps int
	}
	var got []line
	for _, r := range run(t, bench.Options{Prompt: 7, Generate: 3, Depths: []int{0, 5}, Threads: []int{1, 2}, Repetitions: 2}) {
		got = append(got, line{r.Test.String(), r.Threads, len(r.Seconds)})
		if mean, _ := r.Speed(); !(mean > 0) {
			t.Errorf("%s: %v tokens/s", r.Test, mean)
		}
	}
	want := []line{
		{"pp7", 1, 2},
		{"tg3", 1, 2},
		{"pp7@d5", 1, 2},
		{"tg3@d5", 1, 2},
		{"pp7", 2, 2},
		{"tg3", 2, 2},
		{"pp7@d5", 2, 2},
		{"tg3@d5", 2, 2},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if rows := run(t, bench.Options{Generate: 2, Depths: []int{0}, Threads: []int{1}, Repetitions: 1}); len(rows) != 1 {
		t.Errorf("%d rows without a prompt test", len(rows))
	}
}

func TestSpeed(t *testing.T) {
	// 100 tokens in 1, 2 and 4 s: 100, 50 and 25 a second.
	r := bench.Row{Test: bench.Test{Prompt: 100}, Seconds: []float64{1, 2, 4}}
	mean, sd := r.Speed()
	if want := 175.0 / 3; math.Abs(mean-want) > 1e-9 {
		t.Errorf("mean %v, want %v", mean, want)
	}
	// Off the mean by 125/3, -25/3 and -100/3.
	if want := math.Sqrt((125*125 + 25*25 + 100*100) / 9.0 / 2); math.Abs(sd-want) > 1e-9 {
		t.Errorf("deviation %v, want %v", sd, want)
	}
	r.Seconds = r.Seconds[:1]
	if _, sd := r.Speed(); sd != 0 {
		t.Errorf("deviation %v of one repetition", sd)
	}
}

func TestBest(t *testing.T) {
	pp, tg := bench.Test{Prompt: 10}, bench.Test{Generate: 10}
	row := func(t bench.Test, threads int, s float64) bench.Row {
		return bench.Row{Test: t, Threads: threads, Seconds: []float64{s}}
	}
	got := bench.Best([]bench.Row{row(pp, 1, 4), row(tg, 1, 4), row(pp, 2, 2), row(tg, 2, 5), row(pp, 3, 3)})
	if d := cmp.Diff([]bench.Row{row(pp, 2, 2), row(tg, 1, 4)}, got); d != "" {
		t.Error(d)
	}
}

// counters is a /sys/class/powercap whose files read as given.
func counters(files map[string]string) fstest.MapFS {
	sys := fstest.MapFS{}
	for name, text := range files {
		sys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return sys
}

func TestMeter(t *testing.T) {
	sys := counters(map[string]string{
		"intel-rapl:0/name":                  "package-0\n",
		"intel-rapl:0/energy_uj":             "900000\n",
		"intel-rapl:0/max_energy_range_uj":   "1000000\n",
		"intel-rapl:0:0/name":                "core\n",
		"intel-rapl:0:0/energy_uj":           "5\n",
		"intel-rapl:0:0/max_energy_range_uj": "10\n",
	})
	m, err := bench.NewMeter(sys)
	if err != nil {
		t.Fatal(err)
	}
	rows := run(t, bench.Options{Generate: 4, Depths: []int{0}, Threads: []int{1}, Repetitions: 1, Meter: m})
	if rows[0].Joules != 0 {
		t.Errorf("a counter that stands still gave %v J", rows[0].Joules)
	}
	// From 900,000 over the wrap to 100,000.
	if got := bench.SinceForTest(m, []uint64{900000}, func() { sys["intel-rapl:0/energy_uj"].Data = []byte("100000") }); got != 0.2 {
		t.Errorf("%v J over the wrap, want 0.2", got)
	}
	r := bench.Row{Test: bench.Test{Generate: 4}, Seconds: []float64{1, 1}, Joules: 0.2}
	if got := r.JoulesPer1k(); math.Abs(got-25) > 1e-9 {
		t.Errorf("%v J per 1,000 tokens, want 25", got)
	}
}

func TestMeterUnavailable(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"nothing there":   {},
		"no package":      {"dtpm/name": "soc\n"},
		"no range":        {"r:0/name": "package-0", "r:0/energy_uj": "1"},
		"cannot be read":  {"r:0/name": "package-0", "r:0/max_energy_range_uj": "1"},
		"not a number":    {"r:0/name": "package-0", "r:0/max_energy_range_uj": "1", "r:0/energy_uj": "x"},
		"negative number": {"r:0/name": "package-0", "r:0/max_energy_range_uj": "1", "r:0/energy_uj": "-4"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bench.NewMeter(counters(files)); !errors.Is(err, bench.ErrNoMeter) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestPlot(t *testing.T) {
	rows := []bench.Row{
		{Test: bench.Test{Prompt: 512}, Threads: 1, Seconds: []float64{2, 2.2}},
		{Test: bench.Test{Prompt: 512}, Threads: 2, Seconds: []float64{1, 1.1}},
		{Test: bench.Test{Generate: 64}, Threads: 1, Seconds: []float64{2}},
		{Test: bench.Test{Generate: 64}, Threads: 2, Seconds: []float64{1.5}},
	}
	var b bytes.Buffer
	if err := bench.Plot(&b, `a <model> & "more"`, rows); err != nil {
		t.Fatal(err)
	}
	text := ""
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		if c, ok := tok.(xml.CharData); ok {
			text += string(c)
		}
	}
	for _, want := range []string{`a <model> & "more"`, "pp512: 488.7", "tg64: 42.7", "threads", "tokens per second"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the picture", want)
		}
	}
	if n := strings.Count(b.String(), "<polyline"); n != 2 {
		t.Errorf("%d lines for 2 tests", n)
	}
	// One thread count and no speed at all must not divide by zero.
	for _, rows := range [][]bench.Row{nil, rows[:1]} {
		b.Reset()
		if err := bench.Plot(&b, "", rows); err != nil || strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("%d rows: %v\n%s", len(rows), err, b.String())
		}
	}
}
