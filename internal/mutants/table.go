package main

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/akadata/bitnet-tool/verify"
)

// doubled is the damage that doubles the perplexity; mild is 5 % of it.
var (
	doubled = math.Log(2)
	mild    = math.Log(1.05)
)

// verdicts are the columns of the table.
var verdicts = []verify.Verdict{verify.Good, verify.File, verify.Tokenizer, verify.Template, verify.Unknown}

func (r *result) verdict() verify.Verdict {
	if r.report == nil {
		return verify.Unknown
	}
	return r.report.Verdict
}

// caught: the verdict names a fault.
func (r *result) caught() bool { return r.verdict() != verify.Good && r.verdict() != verify.Unknown }

// alarm: something above an info was said.
func (r *result) alarm() bool {
	return r.verdict() != verify.Good || r.err != nil || r.report.Count(verify.Error)+r.report.Count(verify.Warning) > 0
}

// row counts results of one kind.
type row struct {
	n, caught, right, unknown int
}

func (w *row) add(r result) {
	w.n++
	if r.caught() {
		w.caught++
	}
	if r.verdict() == r.want {
		w.right++
	}
	if r.verdict() == verify.Unknown {
		w.unknown++
	}
}

func (w row) String() string {
	if w.n == 0 {
		return "none"
	}
	return fmt.Sprintf("%d, caught %d (%.1f %%), right verdict %d (%.1f %% of those caught), UNKNOWN %d",
		w.n, w.caught, 100*float64(w.caught)/float64(w.n), w.right, 100*float64(w.right)/float64(max(w.caught, 1)), w.unknown)
}

// table prints a confusion table: what was done to a file against what verify
// said.
func table(w io.Writer, rs []result) {
	var order []string
	count := map[string]map[verify.Verdict]int{}
	want, hurt := map[string]verify.Verdict{}, map[string]int{}
	for _, r := range rs {
		if count[r.class] == nil {
			order = append(order, r.class)
			count[r.class] = map[verify.Verdict]int{}
		}
		want[r.class] = r.want
		count[r.class][r.verdict()]++
		if r.damage >= doubled {
			hurt[r.class]++
		}
	}
	fmt.Fprint(w, "| made | should be | n | doubled |")
	for _, v := range verdicts {
		fmt.Fprintf(w, " %s |", v)
	}
	fmt.Fprintf(w, "\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, c := range order {
		n := 0
		for _, k := range count[c] {
			n += k
		}
		fmt.Fprintf(w, "| %s | %s | %d | %d |", c, want[c], n, hurt[c])
		for _, v := range verdicts {
			if k := count[c][v]; k > 0 {
				fmt.Fprintf(w, " %d |", k)
			} else {
				fmt.Fprint(w, " |")
			}
		}
		fmt.Fprintln(w)
	}
}

// summary counts by damage.
type summary struct {
	doubled, mild, less row
	alarms, good        int
	slowest, seconds    float64

	moved, movedCaught     int // by 0.01 nats or more, with a baseline
	weights, weightsCaught int // with the checkpoint
}

func summarize(rs []result) summary {
	var s summary
	for _, r := range rs {
		s.slowest, s.seconds = max(s.slowest, r.seconds), s.seconds+r.seconds
		if r.class == "good" {
			s.good++
			if r.alarm() {
				s.alarms++
			}
			continue
		}
		switch {
		case r.damage >= doubled:
			s.doubled.add(r)
		case r.damage >= mild:
			s.mild.add(r)
		default:
			s.less.add(r)
		}
		if r.withBaseline != "" && math.Abs(r.damage) >= 0.01 {
			s.moved++
			if r.withBaseline != verify.Good {
				s.movedCaught++
			}
		}
		if r.against != "" && slices.ContainsFunc(weightClasses(), func(c class) bool { return c.name == r.class }) {
			s.weights++
			if r.against != verify.Good {
				s.weightsCaught++
			}
		}
	}
	return s
}

func (s summary) print(w io.Writer) {
	fmt.Fprintf(w, "perplexity at least doubled: %s\n", s.doubled)
	fmt.Fprintf(w, "times 1.05 to 2: %s\n", s.mild)
	fmt.Fprintf(w, "less: %s\n", s.less)
	fmt.Fprintf(w, "good variants: %d, false alarms %d\n", s.good, s.alarms)
	if s.moved > 0 {
		fmt.Fprintf(w, "with a baseline, of those that move the mean NLL by 0.01 or more: %d of %d caught\n", s.movedCaught, s.moved)
		fmt.Fprintf(w, "with the checkpoint, of changes to weights: %d of %d caught\n", s.weightsCaught, s.weights)
	}
	fmt.Fprintf(w, "%.0f s of verification in all, %.1f s for the slowest file\n", s.seconds, s.slowest)
}
