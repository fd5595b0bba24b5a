package arch

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

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
	OldHF string // in 1bitLLM's checkpoints where that is another name; else ""
	Role  Role
	Rows  int // outputs; 1 for norms
	Cols  int // inputs, contiguous
	Heads int // rows belong to this many heads whose halves GGUF interleaves; else 0

	PlusOne bool // the checkpoint stores these gains less 1

	Layer int    // -1 outside the layers
	Kind  string // inside a layer, the name that [Block] takes; else ""
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

	// Of architectures with InNorms; inNorm makes the names of seven more.
	AttnQNorm    = "attn_q_norm"
	AttnKNorm    = "attn_k_norm"
	AttnPostNorm = "post_attention_norm"
	FFNPostNorm  = "post_ffw_norm"
)

// CheckNames refuses a file that shares no more than the architecture's name with
// the models that are known here: by its tensors it is a plain Qwen 3 or Gemma 3.
func (s Spec) CheckNames(tensors iter.Seq[string]) error {
	if !s.InNorms {
		return nil
	}
	for name := range tensors {
		if strings.Contains(name, inNorm("")+".") {
			return nil
		}
	}
	return fmt.Errorf("%w: architecture %s without norms of its projections' inputs, so none of the ternary embedding models", ErrUnsupported, s.Name)
}

// inNorm names the norm of a projection's input.
func inNorm(projection string) string { return projection + "_norm_in" }

// Block names a tensor of layer n: Block(3, AttnQ) is "blk.3.attn_q.weight".
func Block(n int, name string) string { return "blk." + strconv.Itoa(n) + "." + name + ".weight" }

// Tensors lists all tensors of the model in the order they are written:
// embedding, layers, final norm, output matrix if it has one.
func (p *Params) Tensors() []Tensor {
	ts := []Tensor{{Name: TokenEmbd, HF: "model.embed_tokens.weight", Role: Embedding, Rows: p.Vocab, Cols: p.Embedding, Layer: -1}}
	for n := range p.Blocks {
		l := layer{p: p, n: n}
		l.attention()
		l.feedForward()
		ts = append(ts, l.ts...)
	}
	ts = append(ts, Tensor{Name: OutputNorm, HF: "model.norm.weight", Role: Norm, Rows: 1, Cols: p.Embedding, PlusOne: p.Gemma, Layer: -1})
	if !p.Tied {
		ts = append(ts, Tensor{Name: OutputHead, HF: "lm_head.weight", Role: Output, Rows: p.Vocab, Cols: p.Embedding, Layer: -1})
	}
	return ts
}

// layer collects the tensors of one layer.
type layer struct {
	p  *Params
	n  int
	ts []Tensor
}

func (l *layer) attention() {
	p := l.p
	q, kv := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	l.norm(AttnNorm, "input_layernorm", p.Embedding)
	l.projection(AttnQ, "self_attn.q_proj", q, p.Embedding, p.Heads)
	l.projection(AttnK, "self_attn.k_proj", kv, p.Embedding, p.KVHeads)
	l.projection(AttnV, "self_attn.v_proj", kv, p.Embedding, 0)
	if p.InNorms {
		l.norm(AttnQNorm, "self_attn.q_norm", p.HeadDim)
		l.norm(AttnKNorm, "self_attn.k_norm", p.HeadDim)
	}
	if p.SubNorms {
		l.norm(AttnSubNorm, "self_attn.attn_sub_norm", q).OldHF = l.name("self_attn.inner_attn_ln")
	}
	l.projection(AttnOutput, "self_attn.o_proj", p.Embedding, q, 0)
	if p.Gemma {
		l.norm(AttnPostNorm, "post_attention_layernorm", p.Embedding)
	}
}

func (l *layer) feedForward() {
	p := l.p
	before := "post_attention_layernorm"
	if p.Gemma {
		before = "pre_feedforward_layernorm"
	}
	l.norm(FFNNorm, before, p.Embedding)
	l.projection(FFNGate, "mlp.gate_proj", p.FeedForward, p.Embedding, 0)
	l.projection(FFNUp, "mlp.up_proj", p.FeedForward, p.Embedding, 0)
	if p.SubNorms {
		l.norm(FFNSubNorm, "mlp.ffn_sub_norm", p.FeedForward).OldHF = l.name("mlp.ffn_layernorm")
	}
	l.projection(FFNDown, "mlp.down_proj", p.Embedding, p.FeedForward, 0)
	if p.Gemma {
		l.norm(FFNPostNorm, "post_feedforward_layernorm", p.Embedding)
	}
}

// name gives a tensor's name in a checkpoint.
func (l *layer) name(hf string) string {
	return "model.layers." + strconv.Itoa(l.n) + "." + hf + ".weight"
}

func (l *layer) norm(kind, hf string, width int) *Tensor {
	l.ts = append(l.ts, Tensor{
		Name: Block(l.n, kind), HF: l.name(hf), Role: Norm, Rows: 1, Cols: width,
		PlusOne: l.p.Gemma, Layer: l.n, Kind: kind,
	})
	return &l.ts[len(l.ts)-1]
}

// projection adds one of the seven matrices, after the norm of its input if it
// has one. Rows of heads other than 0 are interleaved where the architecture
// wants that.
func (l *layer) projection(kind, hf string, rows, cols, heads int) {
	if l.p.InNorms {
		l.norm(inNorm(kind), hf+".norm", cols).PlusOne = false
	}
	if !l.p.Interleaved {
		heads = 0
	}
	l.ts = append(l.ts, Tensor{
		Name: Block(l.n, kind), HF: l.name(hf), Role: Projection, Rows: rows, Cols: cols,
		Heads: heads, Layer: l.n, Kind: kind,
	})
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
