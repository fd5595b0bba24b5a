package quant

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The bytes that ggml's own quantize_row_*_ref (src/ggml-quants.c, d99724f2,
// compiled without FMA contraction) and bitnet.cpp's quantize_i2_s
// (src/ggml-bitnet-mad.cpp, 16da220a) write for these inputs.
func TestReferenceVectors(t *testing.T) {
	const d32 = 0.00590515137 // F16(0.75/127), the decoded scale of b32
	tests := []struct {
		name  string
		typ   Type
		in    []float32
		scale Scale
		want  string
		back  func(x float32) float32 // what a weight decodes to
	}{
		{
			name: "Q8_0", typ: Q8_0, in: b32(),
			want: "0c1e815500ab7f2ad6815500ab7f2ad6815500ab7f2ad6815500ab7f2ad6815500ab",
			back: func(x float32) float32 {
				q := map[float32]float32{-0.75: -127, -0.5: -85, -0.25: -42, 0: 0, 0.25: 42, 0.5: 85, 0.75: 127}[x]
				return d32 * q
			},
		},
		{
			name: "TQ1_0", typ: TQ1_0, in: t256(),
			want: "465dd11874465dd11874465dd11874465dd11874465dd11874465dd11874465d3192b622663192b622663192b6226631235fcb43e03c",
		},
		{
			name: "TQ2_0", typ: TQ2_0, in: t256(),
			want: "58811660055881166005588116600558811660055881166005588116600558816005588116600558811660055881166005588116600558811660055881166005e03c",
		},
		{
			name: "I2_S", typ: I2_S, in: t256()[:128], scale: 1.21875,
			want: "2542940950254294095025429409502542940950254294095025429409502542",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := lookup(t, tt.typ)
			got := make([]byte, len(tt.want)/2)
			if err := c.Encode(got, tt.in, tt.scale); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, hex.EncodeToString(got)); diff != "" {
				t.Errorf("encode (-reference +got):\n%s", diff)
			}
			want := make([]float32, len(tt.in))
			for i, x := range tt.in {
				want[i] = x
				if tt.back != nil {
					want[i] = tt.back(x)
				}
			}
			back := make([]float32, len(tt.in))
			if err := c.Decode(back, unhex(t, tt.want), tt.scale); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, back); diff != "" {
				t.Errorf("decode (-want +got):\n%s", diff)
			}
		})
	}
}

func TestI2STrailerVector(t *testing.T) {
	c := lookup(t, I2_S)
	got := make([]byte, 32)
	for i := range got {
		got[i] = 0xee // as a reused buffer would have
	}
	if err := c.PutTrailer(got, 1.21875); err != nil {
		t.Fatal(err)
	}
	want := "00009c3f" + "00000000000000000000000000000000000000000000000000000000"
	if h := hex.EncodeToString(got); h != want {
		t.Errorf("got %s, want %s", h, want)
	}
}
