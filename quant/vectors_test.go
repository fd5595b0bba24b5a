package quant

import (
	"encoding/hex"
	"math"
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
		off   float64                 // by how much it may differ from that
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
		{
			name: "Q4_0", typ: Q4_0, in: b32(), off: 0.75 / 8,
			want: "002e803df8b35f0bd5803df8b35f0bd5803d",
		},
		{
			name: "Q4_1", typ: Q4_1, in: b32(), off: 1.5 / 15,
			want: "662e00ba803df8a35f0ad5803df8a35f0ad5803d",
		},
		{
			name: "Q5_0", typ: Q5_0, in: b32(), off: 0.75 / 16,
			want: "002a369bcd66005bf055bf05bb005bf055bf05bb005b",
		},
		{
			name: "Q5_1", typ: Q5_1, in: b32(), off: 1.5 / 31,
			want: "322a00ba369bcd66005af055af05aa005af055af05aa005a",
		},
		{
			name: "Q4_K", typ: Q4_K, in: k256(), off: 1.6 / 15 / 2 * 1.1,
			want: "de162c22fefffffcfffdfefecfdcfffea0156bc1278cd3489e045ab0167bc2378de349ae056ab1267cd2389de459af15" +
				"268ce248ad0459b0157bd1379ce348ae046ac0267bd2379df359be156ac1268c9df359be157ac1268ce248ad0459b015" +
				"7bd1379ce348ae046ac0267bd2379df3156ac1268cd2489df459b0157bc1378ce348ae046ab0267bd2379de359ae156a",
		},
		{
			name: "Q5_K", typ: Q5_K, in: k256(), off: 1.6 / 31 / 2 * 1.2,
			want: "8e125322fffdfdfdfffcfeffdfeffdcf326c9936cc9366c9b36499324c9926cc9366c9336c99364c9b66cdb366d9336c" +
				"702be7a35f1ad6824d09c5813cf8b46f2be7935e1ad6824d09c5703cf8a36f2b5e1ad5914d09c4803cf8b36f2be6a25e" +
				"1ad5914d09c4703cf7b36f2be6a25e1a3be8b36e2be6925e19c5814c08b4703cf7a36f2ad6925d19c5814c08b4703be7" +
				"1bd7824e0ab5713de9a4602cd8935f1bc6824e0ab5713de9a4601cd7935f1bc6",
		},
		{
			name: "Q6_K", typ: Q6_K, in: k256(), off: 0.8 / 32,
			want: "d158bf37be25ad048b047bf37ad159d0c941ea63eb74fb741d951ea72fc841c9bf35ad169b048df26be069d147cf38bd" +
				"1a922c840d85ed77ff57d038b04aa22b67df58c139b22aa22b931c85fd76ee57ce5ad137b31a902c830f86ec78ff55d1" +
				"c841da62eb63fc840d951ea63fb840c9d129b30b931c74fe86de67ff47d129b118b1c66cb11b6c861b71c61cb1c76cb2" +
				"2453f9248ef9138ef4538d2452f9248ed4a209d47e09a37e14a349d4ae09d77ec863be1463c9147ec923bec463bd1463" +
				"807f897a867a84877f737d7a81877c89758a",
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
			within := cmp.Comparer(func(a, b float32) bool {
				return math.Abs(float64(a)-float64(b)) <= tt.off
			})
			if diff := cmp.Diff(want, back, within); diff != "" {
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
