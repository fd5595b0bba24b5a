package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/verify"
)

func main() {
	n := flag.Int("n", 240, "number of mutants")
	s := flag.Uint64("seed", 1, "of all that is random")
	jobs := flag.Int("jobs", par.CPUs(), "files at a time")
	full := flag.Bool("full", false, "verify with a baseline and against the checkpoint, too")
	noGood := flag.Bool("nogood", false, "leave out the good variants")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := report(ctx, os.Stdout, *n, seed(*s), *jobs, *full, !*noGood); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// report runs a study and prints every file that was judged wrongly, then the
// tables.
func report(ctx context.Context, w io.Writer, n int, s seed, workers int, full, withGood bool) error {
	st, err := newStudy(ctx, s)
	if err != nil {
		return err
	}
	defer st.close()
	st.full = full
	jobs := st.mutants(n)
	if withGood {
		jobs = append(jobs, st.goods()...)
	}
	var rs []result
	run(jobs, workers, func(r result) {
		rs = append(rs, r)
		r.print(w)
	})
	fmt.Fprintln(w)
	table(w, rs)
	fmt.Fprintln(w)
	summarize(rs).print(w)
	return ctx.Err()
}

// print tells about one file: a line, and the findings if the verdict is not
// what it should be.
func (r *result) print(w io.Writer) {
	mark := "ok  "
	switch {
	case r.class == "good" && r.alarm():
		mark = "ALARM"
	case r.class != "good" && r.damage >= doubled && !r.caught():
		mark = "MISSED"
	case r.class != "good" && r.caught() && r.verdict() != r.want:
		mark = "other"
	case r.class != "good" && !r.caught():
		mark = "mild"
	}
	fmt.Fprintf(w, "%-6s %-28s %-14s %-36s %+7.3f %-9s %.1f s", mark, r.class, r.base, r.note, r.damage, r.verdict(), r.seconds)
	if r.against != "" {
		fmt.Fprintf(w, " against %s baseline %s", r.against, r.withBaseline)
	}
	fmt.Fprintln(w)
	if mark == "ok  " || r.report == nil {
		return
	}
	for _, l := range r.report.Levels {
		if l.Unchecked != "" {
			fmt.Fprintf(w, "         %s: %s\n", l.Level, l.Unchecked)
		}
		for _, f := range l.Findings {
			if f.Severity != verify.Info || l.Level == verify.Smoke {
				fmt.Fprintf(w, "         %s %s %s: %s\n", f.Severity, f.Rule, f.Object(), f.Detail)
			}
		}
	}
}

func readerAt(b []byte) io.ReaderAt { return bytes.NewReader(b) }
