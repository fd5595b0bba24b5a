package quant

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// page reads a page of docs/formats.
func page(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "docs", "formats", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pageBytes gives the bytes of the one hex block of a page, or of the example of
// a type where the page has examples of several.
func pageBytes(t *testing.T, name, example string) []byte {
	t.Helper()
	text := page(t, name)
	if example != "" {
		_, examples, _ := strings.Cut(text, "\n## Examples\n")
		_, text, _ = strings.Cut(examples, "\n### "+example+"\n")
		text, _, _ = strings.Cut(text, "\n#")
	}
	_, block, ok := strings.Cut(text, "```hex\n")
	block, rest, closed := strings.Cut(block, "```")
	if !ok || !closed || strings.Contains(rest, "```hex") {
		t.Fatalf("%s has no hex block, or several: %s", name, example)
	}
	return unhex(t, regexp.MustCompile(`#.*`).ReplaceAllString(block, ""))
}

// The examples of the pages decode to the weights that the pages state, and
// these encode to the bytes of the pages.
func TestPageExamples(t *testing.T) {
	third := func(n int) []float32 { // w[e] = 0.75 · ((e mod 3) − 1)
		x := make([]float32, n)
		for e := range x {
			x[e] = 0.75 * float32(e%3-1)
		}
		return x
	}
	sixteenths := make([]float32, 32) // w[i] = (i − 16)/16
	for i := range sixteenths {
		sixteenths[i] = float32(i-16) / 16
	}
	ramps := make([]float32, 256) // w[e] = (e div 32 + 1)/8 · ((e mod 16) − 8)/16
	for e := range ramps {
		ramps[e] = float32(e/32+1) / 8 * float32(e%16-8) / 16
	}
	tests := []struct {
		page  string // and the heading of the example
		typ   Type
		in    []float32
		scale Scale
		off   float64 // by how much a decoded weight may differ
	}{
		{"i2_s.md", I2_S, third(128), 0.75, 0},
		{"tq1_0.md", TQ1_0, third(256), 0, 0},
		{"tq2_0.md", TQ2_0, third(256), 0, 0},
		{"q8_0.md", Q8_0, sixteenths, 0, 0.0041},
		{"legacy.md#Q4_0", Q4_0, sixteenths, 0, 0.0625},
		{"legacy.md#Q4_1", Q4_1, sixteenths, 0, 0.0626},
		{"legacy.md#Q5_0", Q5_0, sixteenths, 0, 0},
		{"legacy.md#Q5_1", Q5_1, sixteenths, 0, 0},
		{"kquants.md#Q4_K", Q4_K, ramps, 0, 0.004},
		{"kquants.md#Q5_K", Q5_K, ramps, 0, 0.013},
		{"kquants.md#Q6_K", Q6_K, ramps, 0, 0},
		{"kquants.md#Q2_K", Q2_K, ramps, 0, 0.126},
		{"kquants.md#Q3_K", Q3_K, ramps, 0, 0.063},
	}
	for _, tt := range tests {
		t.Run(tt.page, func(t *testing.T) {
			name, example, _ := strings.Cut(tt.page, "#")
			c, want := lookup(t, tt.typ), pageBytes(t, name, example)
			if size, err := c.Size(1, int64(len(tt.in))); err != nil || size != int64(len(want)) {
				t.Fatalf("%d bytes on the page, the type takes %d, %v", len(want), size, err)
			}
			body := len(want) - c.Trailer
			got := make([]byte, len(want))
			if c.Encode == nil {
				copy(got, want)
			} else if err := c.Encode(got[:body], tt.in, tt.scale); err != nil {
				t.Fatal(err)
			}
			scale := tt.scale
			if c.Trailer > 0 {
				if err := c.PutTrailer(got[body:], tt.scale); err != nil {
					t.Fatal(err)
				}
				var err error
				if scale, err = c.GetTrailer(want[body:]); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("bytes (-page +encoded):\n%s", diff)
			}
			back := make([]float32, len(tt.in))
			if err := c.Decode(back, want[:body], scale); err != nil {
				t.Fatal(err)
			}
			for e := range back {
				if diff := float64(back[e]) - float64(tt.in[e]); diff > tt.off || diff < -tt.off {
					t.Errorf("weight %d decodes to %v, the page says %v", e, back[e], tt.in[e])
				}
			}
		})
	}
}

// The I2_S page says how its example would begin in layout B; that this can be
// read as layout A without an error is its point.
func TestPageOfI2SLayoutB(t *testing.T) {
	packed := make([]byte, 32)
	for e := range 128 {
		packed[16*(e/64)+e%16] |= byte(e%3) << (6 - 2*(e%64/16))
	}
	m := regexp.MustCompile("begin with `([0-9a-f ]+)` in layout B").FindStringSubmatch(page(t, "i2_s.md"))
	if m == nil || !bytes.HasPrefix(packed, unhex(t, m[1])) {
		t.Errorf("page says %q, layout B is % x", m, packed)
	}
	codes := unpack(t, lookup(t, I2_S), packed)
	wrong := 0
	for e, code := range codes {
		if code != byte(e%3) {
			wrong++
		}
	}
	if wrong == 0 {
		t.Error("layouts A and B give the same codes")
	}
}

// What the pages say of ternary weights, for the scales 0.01, 0.02 … 2.
func TestPageOfTernaryErrors(t *testing.T) {
	row := regexp.MustCompile(`(?m)^\| (Q\d_\w) \| ([0-9.]+) \| (yes|no) \|$`)
	rows := append(row.FindAllStringSubmatch(page(t, "legacy.md"), -1), row.FindAllStringSubmatch(page(t, "kquants.md"), -1)...)
	if len(rows) != 7 {
		t.Fatalf("%d rows", len(rows))
	}
	codes := randomCodes(4*256, 7)
	for _, r := range rows {
		c, _ := ByName(r[1])
		packed, back := make([]byte, len(codes)/c.BlockLen*c.BlockBytes), make([]float32, len(codes))
		var worst float64
		zeros := "yes"
		for k := 1; k <= 200; k++ {
			s := float32(k) / 100
			x := weights(codes, s)
			if err := c.Encode(packed, x, 0); err != nil {
				t.Fatal(err)
			}
			if err := c.Decode(back, packed, 0); err != nil {
				t.Fatal(err)
			}
			for i, v := range back {
				worst = max(worst, math.Abs(float64(v-x[i]))/float64(s))
				if x[i] == 0 && v != 0 {
					zeros = "no"
				}
			}
		}
		if got := fmt.Sprintf("%.4f", worst); got != r[2] || zeros != r[3] {
			t.Errorf("%s: error %s, zeros stay 0: %s; the page says %s, %s", c.Name, got, zeros, r[2], r[3])
		}
	}
}

// The table of float.md, row by row.
func TestPageOfFloats(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (-?[0-9][0-9.e-]*) \| ([0-9a-f ]+|refused) \| ([0-9a-f ]+|refused) \| ([0-9a-f ]+|refused) \|$`).
		FindAllStringSubmatch(page(t, "float.md"), -1)
	if len(rows) != 9 {
		t.Fatalf("%d rows in the table", len(rows))
	}
	for _, row := range rows {
		x, err := strconv.ParseFloat(row[1], 32)
		if err != nil {
			t.Fatal(err)
		}
		for i, typ := range []Type{F32, F16, BF16} {
			c := lookup(t, typ)
			dst := make([]byte, c.BlockBytes)
			err := c.Encode(dst, []float32{float32(x)}, 0)
			if row[2+i] == "refused" {
				if err == nil {
					t.Errorf("%s as %s is not refused", row[1], typ)
				}
			} else if err != nil || !bytes.Equal(dst, unhex(t, row[2+i])) {
				t.Errorf("%s as %s: % x, %v, the page says %s", row[1], typ, dst, err, row[2+i])
			}
		}
	}
}
