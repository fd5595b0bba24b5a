package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/bench"
)

// benchResult is what bench found out. Times are in seconds, sizes in bytes.
type benchResult struct {
	Model      benchModel  `json:"model"`
	Kernel     string      `json:"kernel"` // as in BITNET_TOOL_KERNEL
	Rows       []benchRow  `json:"rows"`
	Best       []benchBest `json:"best"` // the fastest number of threads of each test
	Load       float64     `json:"load_s"`
	FirstToken float64     `json:"first_token_s"` // load, and a prompt of one token
	PeakRSS    int64       `json:"peak_rss"`
	Energy     benchEnergy `json:"energy"`

	format string
	time   time.Time
}

type benchModel struct {
	Path         string `json:"path"`
	Name         string `json:"name"`
	Architecture string `json:"architecture"`
	Type         string `json:"type"` // the one most weights have
	Bytes        int64  `json:"bytes"`
}

type benchRow struct {
	Test    string    `json:"test"`
	Threads int       `json:"threads"`
	Mean    float64   `json:"tps_mean"`
	SD      float64   `json:"tps_sd"`
	Seconds []float64 `json:"seconds"` // of each repetition
	Joules  *float64  `json:"joules_per_1k,omitempty"`
	Head    string    `json:"head,omitempty"`             // of generation tests: full, screened or partly screened
	Logits  *float64  `json:"logits_per_token,omitempty"` // computed, of screened tokens
}

type benchBest struct {
	Test    string  `json:"test"`
	Threads int     `json:"threads"`
	Mean    float64 `json:"tps_mean"`
}

// benchEnergy has a figure only where there is one: the least of the generation
// tests, of which each row has its own.
type benchEnergy struct {
	Status string   `json:"status"` // off, measured or unavailable
	Reason string   `json:"reason,omitempty"`
	Joules *float64 `json:"joules_per_1k,omitempty"`
}

func benchModelOf(path string, f *gguf.File) benchModel {
	m := benchModel{Path: path, Bytes: f.FileSize}
	m.Architecture = f.Architecture()
	name, _ := f.Meta.Value("general.name")
	if m.Name, _ = name.(string); m.Name == "" {
		m.Name = strings.TrimSuffix(filepath.Base(path), ".gguf")
	}
	weights := map[string]int64{}
	for _, t := range f.Tensors {
		n := t.TypeName()
		if weights[n] += t.Elements(); weights[n] > weights[m.Type] {
			m.Type = n
		}
	}
	return m
}

// fill takes over what was measured.
func (r *benchResult) fill(rows []bench.Row) {
	r.Rows, r.Best = []benchRow{}, []benchBest{}
	for _, row := range rows {
		out := benchRow{Test: row.Test.String(), Threads: row.Threads, Seconds: row.Seconds}
		out.Mean, out.SD = row.Speed()
		if row.Test.Generate > 0 {
			out.Head = row.Head()
		}
		if row.Screened > 0 {
			n := row.LogitsPerToken()
			out.Logits = &n
		}
		if r.Energy.Status == "measured" && row.Test.Generate > 0 {
			j := row.JoulesPer1k()
			out.Joules = &j
			if r.Energy.Joules == nil || j < *r.Energy.Joules {
				r.Energy.Joules = &j
			}
		}
		r.Rows = append(r.Rows, out)
	}
	for _, b := range bench.Best(rows) {
		mean, _ := b.Speed()
		r.Best = append(r.Best, benchBest{b.Test.String(), b.Threads, mean})
	}
	r.PeakRSS, r.time = peakRSS(), time.Now()
}

func (r *benchResult) text(w io.Writer) {
	switch r.format {
	case "influx":
		r.influx(w)
	case "md":
		r.markdown(w)
	default:
		r.table(w)
	}
}

func (r *benchResult) table(w io.Writer) {
	fmt.Fprintf(w, "%s, %s %s, %s, kernels for %s\n", printable(r.Model.Name), printable(r.Model.Architecture), r.Model.Type, humanBytes(r.Model.Bytes), r.Kernel)
	rows := [][]string{{"  test", "threads", "tokens/s", ""}}
	for _, row := range r.Rows {
		rows = append(rows, []string{"  " + row.Test, fmt.Sprint(row.Threads), fmt.Sprintf("%.2f ± %.2f", row.Mean, row.SD), strings.TrimLeft(joules(row.Joules)+"  "+row.head(), " ")})
	}
	table(w, rows)
	if len(r.Rows) > len(r.Best) {
		for _, b := range r.Best {
			fmt.Fprintf(w, "fastest %s: -t %d\n", b.Test, b.Threads)
		}
	}
	fmt.Fprintf(w, "loaded in %.3f s, first token after %.3f s, peak memory %s\n", r.Load, r.FirstToken, humanBytes(r.PeakRSS))
	if r.Energy.Reason != "" {
		fmt.Fprintf(w, "energy unavailable: %s\n", oneLine(r.Energy.Reason))
	}
}

// head tells of a screened head: its results are those of the full one.
func (r benchRow) head() string {
	if r.Logits == nil {
		return ""
	}
	return fmt.Sprintf("head: %s, exact, %.0f logits a token", r.Head, *r.Logits)
}

func joules(j *float64) string {
	if j == nil {
		return ""
	}
	return fmt.Sprintf("%.1f J per 1,000 tokens", *j)
}

// markdown is a table as issues and README files have it.
func (r *benchResult) markdown(w io.Writer) {
	cell := strings.NewReplacer("|", `\|`).Replace
	fmt.Fprintln(w, "| model | type | size | test | threads | tokens/s | J/1k |")
	fmt.Fprintln(w, "|---|---|--:|---|--:|--:|--:|")
	for _, row := range r.Rows {
		j := ""
		if row.Joules != nil {
			j = fmt.Sprintf("%.1f", *row.Joules)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %d | %.2f ± %.2f | %s |\n", cell(printable(r.Model.Name)), r.Model.Type, humanBytes(r.Model.Bytes), row.Test, row.Threads, row.Mean, row.SD, j)
	}
}

// influx is InfluxDB's line protocol, one line a row.
func (r *benchResult) influx(w io.Writer) {
	tag := strings.NewReplacer(",", `\,`, "=", `\=`, " ", `\ `, `\`, `\\`).Replace
	for _, row := range r.Rows {
		fmt.Fprintf(w, "bitnet_bench,model=%s,type=%s,test=%s,threads=%d tps_mean=%g,tps_sd=%g,load_s=%g,first_token_s=%g,peak_rss=%di",
			tag(printable(r.Model.Name)), tag(r.Model.Type), row.Test, row.Threads, row.Mean, row.SD, r.Load, r.FirstToken, r.PeakRSS)
		if row.Joules != nil {
			fmt.Fprintf(w, ",joules_per_1k=%g", *row.Joules)
		}
		fmt.Fprintf(w, " %d\n", r.time.UnixNano())
	}
}
