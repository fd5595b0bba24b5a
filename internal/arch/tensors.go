package arch

import "strconv"

// Role says what a tensor is for, which decides its type in a converted file.
type Role uint8

// The roles.
const (
	Embedding  Role = iota // the token embedding; the output matrix too if tied
	Output                 // an output matrix of its own
	Norm                   // gains of an RMSNorm, one-dimensional
	Projection             // one of the seven matrices of a layer; ternary in a BitNet
)

// Tensor describes one tensor of a model.
type Tensor struct {
	Name  string // in a GGUF file
	HF    string // in a Hugging Face checkpoint
	Role  Role
	Rows  int // outputs; 1 for norms
	Cols  int // inputs, contiguous
	Heads int // rows belong to this many heads whose halves GGUF interleaves; else 0
}

// Dims gives the GGUF dimensions.
func (t Tensor) Dims() []int64 {
	if t.Role == Norm {
		return []int64{int64(t.Cols)}
	}
	return []int64{int64(t.Cols), int64(t.Rows)}
}

// Names of tensors outside the layers.
const (
	TokenEmbd  = "token_embd.weight"
	OutputNorm = "output_norm.weight"
	OutputHead = "output.weight"
)

// Names of tensors inside a layer, for [Block].
const (
	AttnNorm    = "attn_norm"
	AttnQ       = "attn_q"
	AttnK       = "attn_k"
	AttnV       = "attn_v"
	AttnSubNorm = "attn_sub_norm"
	AttnOutput  = "attn_output"
	FFNNorm     = "ffn_norm"
	FFNGate     = "ffn_gate"
	FFNUp       = "ffn_up"
	FFNSubNorm  = "ffn_sub_norm"
	FFNDown     = "ffn_down"
)

// Block names a tensor of layer n: Block(3, AttnQ) is "blk.3.attn_q.weight".
func Block(n int, name string) string { return "blk." + strconv.Itoa(n) + "." + name + ".weight" }

// Tensors lists all tensors of the model in the order they are written:
// embedding, layers, final norm, output matrix if it has one.
func (p *Params) Tensors() []Tensor {
	q, kv := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	qHeads, kHeads := 0, 0
	if p.Interleaved {
		qHeads, kHeads = p.Heads, p.KVHeads
	}
	ts := []Tensor{{Name: TokenEmbd, HF: "model.embed_tokens.weight", Role: Embedding, Rows: p.Vocab, Cols: p.Embedding}}
	for n := range p.Blocks {
		add := func(name, hf string, role Role, rows, cols, heads int) {
			ts = append(ts, Tensor{
				Name: Block(n, name), HF: "model.layers." + strconv.Itoa(n) + "." + hf + ".weight",
				Role: role, Rows: rows, Cols: cols, Heads: heads,
			})
		}
		add(AttnNorm, "input_layernorm", Norm, 1, p.Embedding, 0)
		add(AttnQ, "self_attn.q_proj", Projection, q, p.Embedding, qHeads)
		add(AttnK, "self_attn.k_proj", Projection, kv, p.Embedding, kHeads)
		add(AttnV, "self_attn.v_proj", Projection, kv, p.Embedding, 0)
		if p.SubNorms {
			add(AttnSubNorm, "self_attn.attn_sub_norm", Norm, 1, q, 0)
		}
		add(AttnOutput, "self_attn.o_proj", Projection, p.Embedding, q, 0)
		add(FFNNorm, "post_attention_layernorm", Norm, 1, p.Embedding, 0)
		add(FFNGate, "mlp.gate_proj", Projection, p.FeedForward, p.Embedding, 0)
		add(FFNUp, "mlp.up_proj", Projection, p.FeedForward, p.Embedding, 0)
		if p.SubNorms {
			add(FFNSubNorm, "mlp.ffn_sub_norm", Norm, 1, p.FeedForward, 0)
		}
		add(FFNDown, "mlp.down_proj", Projection, p.Embedding, p.FeedForward, 0)
	}
	ts = append(ts, Tensor{Name: OutputNorm, HF: "model.norm.weight", Role: Norm, Rows: 1, Cols: p.Embedding})
	if !p.Tied {
		ts = append(ts, Tensor{Name: OutputHead, HF: "lm_head.weight", Role: Output, Rows: p.Vocab, Cols: p.Embedding})
	}
	return ts
}

// PermuteRow gives the row of a checkpoint's q or k matrix that becomes row r
// of the GGUF tensor: within each head of d rows, halves are interleaved, so
// that old row h·d/2+i becomes new row 2i+h. Without Heads rows stay.
func (t Tensor) PermuteRow(r int) int {
	if t.Heads == 0 {
		return r
	}
	d := t.Rows / t.Heads
	head, in := r/d, r%d
	return head*d + in%2*(d/2) + in/2
}
