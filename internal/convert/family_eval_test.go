package convert_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// TestFamiliesEvaluate compares the logits of converted checkpoints at the first
// positions with those of the same checkpoint computed in float64 by the rules
// of transformers, with names, rows and scales as they are there.
func TestFamiliesEvaluate(t *testing.T) {
	tokens := []int32{7, 300, 41}
	for _, fam := range families {
		t.Run(fam.name, func(t *testing.T) {
			dir := synthetic(t, fam.name, familyShape)
			path := filepath.Join(t.TempDir(), "model.gguf")
			if _, err := tryQuantize(t, dir, path, convert.Options{Type: quant.I2_S, TokenEmbedding: quant.F32}); err != nil {
				t.Fatal(err)
			}
			m, err := runtime.Open(path, runtime.Options{})
			if !fam.evaluated {
				if !errors.Is(err, runtime.ErrUnsupported) {
					t.Errorf("error %v, want unsupported", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			s, err := m.NewSession(runtime.SessionOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := readCheckpoint(t, dir).logits(tokens)
			const bound = 1e-3
			err = s.EvalAll(context.Background(), tokens, func(pos int, logits []float32) error {
				for i, v := range logits {
					if d := math.Abs(float64(v) - want[pos][i]); !(d <= bound) {
						return fmt.Errorf("position %d, token %d: logit %v, want %v (bound %v)", pos, i, v, want[pos][i], bound)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// logits evaluates the checkpoint over tokens.
func (c *checkpoint) logits(tokens []int32) [][]float64 {
	hidden, layers := c.int("hidden_size"), c.int("num_hidden_layers")
	embed := c.tensors["model.embed_tokens.weight"]
	x := make([][]float64, len(tokens))
	for p, id := range tokens {
		x[p] = make([]float64, hidden)
		for i := range hidden {
			x[p][i] = float64(embed.values[int(id)*hidden+i])
		}
	}
	for n := range layers {
		at := fmt.Sprintf("model.layers.%d.", n)
		heads := c.attention(at, x)
		for p := range x {
			a := c.optional(at+"self_attn.", []string{"attn_sub_norm", "inner_attn_ln"}, heads[p])
			add(x[p], c.linear(at+"self_attn.o_proj.weight", a))
			h := c.norm(at+"post_attention_layernorm.weight", x[p])
			g, u := c.linear(at+"mlp.gate_proj.weight", h), c.linear(at+"mlp.up_proj.weight", h)
			for i, v := range g {
				if c.config["hidden_act"] == "relu2" {
					g[i] = max(v, 0) * max(v, 0) * u[i]
				} else {
					g[i] = v / (1 + math.Exp(-v)) * u[i]
				}
			}
			g = c.optional(at+"mlp.", []string{"ffn_sub_norm", "ffn_layernorm"}, g)
			add(x[p], c.linear(at+"mlp.down_proj.weight", g))
		}
	}
	head, ok := c.tensors["lm_head.weight"]
	if !ok {
		head = embed
	}
	out := make([][]float64, len(x))
	for p := range x {
		out[p] = product(head, c.norm("model.norm.weight", x[p]))
	}
	return out
}

// attention gives what the heads of each position see, before the output
// projection.
func (c *checkpoint) attention(at string, x [][]float64) [][]float64 {
	n, kvn, d := c.int("num_attention_heads"), c.int("num_key_value_heads"), c.int("head_dim")
	q, k, v := make([][]float64, len(x)), make([][]float64, len(x)), make([][]float64, len(x))
	for p := range x {
		h := c.norm(at+"input_layernorm.weight", x[p])
		q[p] = c.rotate(c.linear(at+"self_attn.q_proj.weight", h), p)
		k[p] = c.rotate(c.linear(at+"self_attn.k_proj.weight", h), p)
		v[p] = c.linear(at+"self_attn.v_proj.weight", h)
	}
	out := make([][]float64, len(x))
	for p := range x {
		out[p] = make([]float64, n*d)
		for head := range n {
			kv := head / (n / kvn) * d
			var sum float64
			for past := range p + 1 {
				var s float64
				for i := range d {
					s += q[p][head*d+i] * k[past][kv+i]
				}
				w := math.Exp(s / math.Sqrt(float64(d)))
				sum += w
				for i := range d {
					out[p][head*d+i] += w * v[past][kv+i]
				}
			}
			for i := range d {
				out[p][head*d+i] /= sum
			}
		}
	}
	return out
}

// rotate turns the halves of each head against each other.
func (c *checkpoint) rotate(x []float64, pos int) []float64 {
	d, theta := c.int("head_dim"), c.config["rope_theta"].(float64)
	out := make([]float64, len(x))
	for head := 0; head < len(x); head += d {
		for i := range d / 2 {
			sin, cos := math.Sincos(float64(pos) * math.Pow(theta, -2*float64(i)/float64(d)))
			a, b := x[head+i], x[head+i+d/2]
			out[head+i], out[head+i+d/2] = a*cos-b*sin, b*cos+a*sin
		}
	}
	return out
}

func (c *checkpoint) norm(name string, x []float64) []float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	r := 1 / math.Sqrt(sum/float64(len(x))+c.config["rms_norm_eps"].(float64))
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v * r * float64(c.tensors[name].values[i])
	}
	return out
}

// optional applies the norm of one of the names, if there is any.
func (c *checkpoint) optional(at string, names []string, x []float64) []float64 {
	for _, name := range names {
		if _, ok := c.tensors[at+name+".weight"]; ok {
			return c.norm(at+name+".weight", x)
		}
	}
	return x
}

// linear multiplies a ternary matrix with x rounded to 8 bits.
func (c *checkpoint) linear(name string, x []float64) []float64 {
	largest := 1e-5
	for _, v := range x {
		largest = max(largest, math.Abs(v))
	}
	q := make([]float64, len(x))
	for i, v := range x {
		q[i] = max(-128, min(127, math.RoundToEven(v*127/largest))) * largest / 127
	}
	return product(c.tensors[name], q)
}

func product(m meant, x []float64) []float64 {
	out := make([]float64, m.rows)
	for r := range out {
		for i, v := range x {
			out[r] += float64(m.values[r*m.cols+i]) * v
		}
	}
	return out
}

func add(x, y []float64) {
	for i := range x {
		x[i] += y[i]
	}
}
