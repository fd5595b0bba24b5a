package main

import (
	"bytes"
	"flag"
	"testing"
)

var (
	mutants = flag.Int("mutants", 6, "number of mutants that the test makes")
	first   = flag.Uint64("mutants.seed", 3, "seed of the test")
)

// TestStudy makes a few mutants of as many classes, spread over the table, and
// the good variants they are made from. The whole study is a program of its own;
// continuous integration asks for 40.
func TestStudy(t *testing.T) {
	if testing.Short() {
		t.Skip("evaluates many models")
	}
	st, err := newStudy(t.Context(), seed(*first))
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	all := st.mutants(len(classes()))
	var jobs []job
	for i := range min(*mutants, len(all)) {
		jobs = append(jobs, all[i*len(all)/min(*mutants, len(all))])
	}
	jobs = append(jobs, st.goods()[:2]...)
	var rs []result
	var log bytes.Buffer
	run(jobs, 2, func(r result) {
		rs = append(rs, r)
		r.print(&log)
	})
	s := summarize(rs)
	s.print(&log)
	t.Log("\n" + log.String())
	if s.good != 2 || s.alarms > 0 {
		t.Errorf("%d false alarms of %d", s.alarms, s.good)
	}
	if d := s.doubled; d.n == 0 || 20*(d.n-d.caught) > d.n+19 || 10*(d.caught-d.right) > d.caught+9 {
		t.Errorf("of mutants that double the perplexity: %s", d)
	}
}

// TestClasses keeps the table as broad as the study says it is.
func TestClasses(t *testing.T) {
	names := map[string]bool{}
	for _, c := range classes() {
		if names[c.name] || c.mutate == nil || c.want == "" {
			t.Errorf("class %q", c.name)
		}
		names[c.name] = true
	}
	if len(names) < 20 || len(variants()) < 50 {
		t.Errorf("%d classes, %d good variants", len(names), len(variants()))
	}
}
