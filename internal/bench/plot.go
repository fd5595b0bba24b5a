package bench

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// The picture, in pixels.
const (
	plotWidth, plotHeight = 720, 440
	plotLeft, plotRight   = 70, 130 // the right margin holds the names
	plotTop, plotBottom   = 50, 60
)

// colours of the lines, told apart by people who see few colours as well
// (Okabe and Ito, 2008).
var colours = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}

// Plot draws tokens per second over threads as SVG, one line a test, with bars
// of one standard deviation.
func Plot(w io.Writer, title string, rows []Row) error {
	threads, top := 1, 0.0
	var tests []Test
	for _, r := range rows {
		threads = max(threads, r.Threads)
		mean, sd := r.Speed()
		top = max(top, mean+sd)
		if !slices.Contains(tests, r.Test) {
			tests = append(tests, r.Test)
		}
	}
	step := tickStep(top)
	top = max(math.Ceil(top/step), 1) * step
	x := func(n int) float64 {
		if threads == 1 {
			return plotLeft
		}
		return plotLeft + float64(n-1)/float64(threads-1)*(plotWidth-plotLeft-plotRight)
	}
	y := func(v float64) float64 { return plotHeight - plotBottom - v/top*(plotHeight-plotTop-plotBottom) }

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	fmt.Fprintf(&b, `<text x="%d" y="28" font-size="16">%s</text>`+"\n", plotLeft, html.EscapeString(title))
	for v := 0.0; v <= top+step/2; v += step {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			plotLeft, y(v), plotWidth-plotRight, plotLeft-8, y(v)+4, v)
	}
	for n, every := 1, (threads+15)/16; n <= threads; n += every {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(n), plotHeight-plotBottom+20, n)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">threads</text>`+"\n", (plotLeft+plotWidth-plotRight)/2, plotHeight-15)
	fmt.Fprintf(&b, `<text x="16" y="%d" text-anchor="middle" transform="rotate(-90 16 %[1]d)">tokens per second</text>`+"\n", plotHeight/2)
	for i, t := range tests {
		plotTest(&b, t, rows, colours[i%len(colours)], x, y)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// plotTest draws the line of one test and names it at its end.
func plotTest(b *strings.Builder, t Test, rows []Row, colour string, x func(int) float64, y func(float64) float64) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Test != t })
	slices.SortFunc(rows, func(a, b Row) int { return a.Threads - b.Threads })
	fmt.Fprintf(b, `<g stroke="%s" fill="%[1]s">`, colour)
	var line []string
	for _, r := range rows {
		mean, sd := r.Speed()
		line = append(line, fmt.Sprintf("%.1f,%.1f", x(r.Threads), y(mean)))
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3"/><path d="M%.1[1]f %.1[3]fV%.1[4]f"/>`, x(r.Threads), y(mean), y(mean-sd), y(mean+sd))
	}
	last := rows[len(rows)-1]
	mean, _ := last.Speed()
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke-width="2"/>`, strings.Join(line, " "))
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" stroke="none">%s: %.1f</text></g>`+"\n", x(last.Threads)+10, y(mean)+4, t, mean)
}

// tickStep gives the distance of marks for about five up to top: 1, 2 or 5
// times a power of ten.
func tickStep(top float64) float64 {
	if !(top > 0) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(top/5)))
	for _, k := range []float64{1, 2, 5} {
		if top/5 <= k*p {
			return k * p
		}
	}
	return 10 * p
}
