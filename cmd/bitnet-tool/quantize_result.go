package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/internal/convert"
)

// quantizeResult is what was written, or with DryRun would be.
type quantizeResult struct {
	Source             string         `json:"source"`
	DryRun             bool           `json:"dry_run"`
	Outputs            []outputJSON   `json:"outputs"`
	Failures           []failureJSON  `json:"failures"`
	ThresholdSensitive int64          `json:"threshold_sensitive"`
	Residuals          []residualJSON `json:"residuals,omitempty"` // of a model that is not ternary
	Seconds            float64        `json:"seconds"`
	PeakRSS            int64          `json:"peak_rss"` // bytes
	Stored             *storedResult  `json:"stored,omitempty"`
}

type outputJSON struct {
	Path    string         `json:"path"`
	Size    int64          `json:"size"`
	SHA256  string         `json:"sha256,omitempty"` // absent in a dry run
	Type    string         `json:"type"`
	Tensors map[string]int `json:"tensors"` // number by type
	BPW     float64        `json:"bpw"`

	plan []typeBytes
}

type failureJSON struct {
	Type    string `json:"type"`
	Path    string `json:"path"`
	ID      string `json:"id"`
	Message string `json:"message"`
}

type residualJSON struct {
	Tensor string  `json:"tensor"`
	Ratio  float64 `json:"ratio"` // ‖W − mT‖/‖W‖
}

// typeBytes is one row of the plan: the tensors of one type.
type typeBytes struct {
	name           string
	tensors        int
	bytes, weights int64
}

// plannedOutput describes a file that is planned.
func plannedOutput(path, recipe string, p *convert.Plan) outputJSON {
	out := outputJSON{Path: path, Size: p.Layout.FileSize, Type: recipe, Tensors: map[string]int{}}
	var bytes, weights int64
	for _, ts := range p.Layout.Tensors {
		name := ts.TypeName()
		i := slices.IndexFunc(out.plan, func(b typeBytes) bool { return b.name == name })
		if i < 0 {
			i = len(out.plan)
			out.plan = append(out.plan, typeBytes{name: name})
		}
		out.Tensors[name]++
		row := &out.plan[i]
		row.tensors, row.bytes, row.weights = row.tensors+1, row.bytes+ts.Size, row.weights+ts.Elements()
		bytes, weights = bytes+ts.Size, weights+ts.Elements()
	}
	slices.SortStableFunc(out.plan, func(a, b typeBytes) int { return b.tensors - a.tensors })
	out.BPW = 8 * float64(bytes) / float64(weights)
	return out
}

// done adds what is known once the file is written.
func (o *outputJSON) done(r *convert.Result) {
	o.Size, o.SHA256, o.BPW = r.Size, "sha256:"+r.SHA256, r.BPW
}

// addResiduals notes how far from ternary a model is.
func (r *quantizeResult) addResiduals(e *convert.NotTernaryError) {
	if r.Residuals != nil {
		return
	}
	for _, x := range e.Residuals {
		r.Residuals = append(r.Residuals, residualJSON{x.Tensor, x.Ratio})
	}
}

func (r *quantizeResult) text(w io.Writer) {
	for i, o := range r.Outputs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		o.text(w, r.DryRun)
	}
	if r.Stored != nil {
		fmt.Fprintln(w)
		r.Stored.text(w)
	}
	if r.ThresholdSensitive > 0 {
		fmt.Fprintf(w, "\n%s weights lie so close to a threshold that another order of summing could round them otherwise\n", thousands(r.ThresholdSensitive))
	}
	if r.Residuals != nil {
		rows := [][]string{{"  tensor", "|W - mT| / |W|"}}
		for _, x := range r.Residuals {
			rows = append(rows, []string{"  " + x.Tensor, fmt.Sprintf("%.3f", x.Ratio)})
		}
		fmt.Fprintln(w, "what ternarizing would change, by tensor (0 for a ternary model)")
		table(w, rows, 1)
	}
}

func (o *outputJSON) text(w io.Writer, dry bool) {
	would := ""
	if dry {
		would = " (not written)"
	}
	fmt.Fprintf(w, "%s: %s, %.2f bits a weight%s\n", printable(o.Path), humanBytes(o.Size), o.BPW, would)
	rows := [][]string{{"  type", "tensors", "weights", "bytes"}}
	for _, b := range o.plan {
		rows = append(rows, []string{"  " + b.name, thousands(int64(b.tensors)), thousands(b.weights), thousands(b.bytes)})
	}
	table(w, rows, 1, 2, 3)
	if o.SHA256 != "" {
		fmt.Fprintln(w, "  "+strings.Replace(o.SHA256, ":", " ", 1))
	}
}
