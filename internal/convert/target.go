package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// Target is a program that a file is written for. Programs call the same model
// by different names and know different types, so architecture, types,
// pre-tokenizer and file type are chosen together: see [Target.Retarget] and
// [Target.Check].
type Target string

// The targets.
const (
	BitNetCpp Target = "bitnet.cpp"
	IkLlama   Target = "ik_llama"
	LlamaCpp  Target = "llama.cpp"
)

// Targets lists the targets.
func Targets() []Target { return []Target{BitNetCpp, IkLlama, LlamaCpp} }

// ParseTarget finds a target by its name.
func ParseTarget(name string) (Target, error) {
	if t := Target(name); slices.Contains(Targets(), t) {
		return t, nil
	}
	return "", fmt.Errorf("%w: target %q; possible are %v", ErrOption, name, Targets())
}

// Retarget rewrites metadata for the target: the architecture's name with all
// keys under it, and the pre-tokenizer's name where the target has another for
// the same rules. A model that the target has no name for is [ErrUnsupported].
// Check the result with [Target.Check].
func (t Target) Retarget(m *gguf.Meta) error {
	p, err := arch.FromMeta(m)
	if err != nil {
		return err
	}
	name, err := t.archOf(p)
	if err != nil {
		return err
	}
	// The old name may have implied it.
	m.Set(p.Name+".hidden_activation", string(p.Activation))
	m.Rename(name)
	if pre, ok := gguf.Get[string](m, "tokenizer.ggml.pre"); ok {
		if slices.Contains(llama3Pre, pre) {
			m.Set("tokenizer.ggml.pre", llama3Pre[0])
		}
	}
	return nil
}

// archOf gives the target's name of a model's architecture.
func (t Target) archOf(p *arch.Params) (string, error) {
	name := p.Name
	if p.BitNet() {
		switch {
		case t == LlamaCpp, p.Activation == arch.SiLU:
			name = "bitnet"
		default:
			name = "bitnet-b1.58"
		}
	}
	prog := t.program()
	if !slices.ContainsFunc(prog.archs, func(a knownArch) bool { return a.name == name }) {
		return "", fmt.Errorf("%w: %s does not know architecture %s", ErrUnsupported, prog.name, name)
	}
	return name, nil
}

// Check says whether the target can use a file with these metadata and tensors.
// The error, which wraps [ErrUnsupported], says why not; the warnings, what its
// user has to know.
func (t Target) Check(m *gguf.Meta, ts []gguf.Tensor) (warnings []string, err error) {
	v := t.program().judge(m, ts, true)
	if len(v.Refusals) > 0 {
		return nil, fmt.Errorf("%w: %s: %s", ErrUnsupported, v.Program, strings.Join(v.Refusals, "; "))
	}
	for _, c := range v.Caveats {
		warnings = append(warnings, v.Program+": "+c)
	}
	return warnings, nil
}

func (t Target) program() program {
	for _, p := range programs {
		if p.target == t {
			return p
		}
	}
	return program{name: string(t)}
}

// Verdict is what a program makes of a file.
type Verdict struct {
	Program  string
	Refusals []string // why it cannot run the file; none if it can
	Unknown  bool     // whether it can is not known here; Refusals say why
	Caveats  []string // what its user has to know
}

// Verdicts asks all programs that this package knows, this one first, about a
// file's metadata and tensors.
func Verdicts(m *gguf.Meta, ts []gguf.Tensor) []Verdict {
	vs := make([]Verdict, len(programs))
	for i, p := range programs {
		vs[i] = p.judge(m, ts, false)
	}
	return vs
}

// judge looks for what the program does not know. With convert, types that the
// program's own converter takes count as known.
func (g program) judge(m *gguf.Meta, ts []gguf.Tensor, convert bool) Verdict {
	v := Verdict{Program: g.name}
	refuse := func(format string, args ...any) { v.Refusals = append(v.Refusals, fmt.Sprintf(format, args...)) }
	unknown := func(format string, args ...any) {
		v.Unknown = len(v.Refusals) == 0 && g.target != ""
		refuse(format, args...)
	}
	caveat := func(format string, args ...any) { v.Caveats = append(v.Caveats, fmt.Sprintf(format, args...)) }

	g.judgeTypes(ts, convert, refuse, caveat)
	p, err := arch.FromMeta(m)
	if err == nil {
		err = p.CheckNames(gguf.Names(ts))
	}
	switch {
	case errors.Is(err, arch.ErrUnsupported):
		unknown("%v", err)
		return v
	case err != nil:
		refuse("%v", err)
		return v
	}
	i := slices.IndexFunc(g.archs, func(a knownArch) bool { return a.name == p.Name })
	if i < 0 {
		refuse("it does not know architecture %s", p.Name)
		return v
	}
	a := g.archs[i]
	untied := slices.ContainsFunc(ts, func(t gguf.Tensor) bool { return t.Name == arch.OutputHead })
	if a.caveat != "" {
		caveat("%s", a.caveat)
	}
	if a.square && p.Heads*p.HeadDim != p.Embedding {
		refuse("in architecture %s it wants heads that add up to the embedding's %d, not %d", p.Name, p.Embedding, p.Heads*p.HeadDim)
	}
	if a.tied && untied {
		refuse("in architecture %s it knows no tensor %q", p.Name, arch.OutputHead)
	}
	if a.fixed != "" && a.fixed != p.Activation {
		msg := fmt.Sprintf("in architecture %s it computes %s, the model wants %s", p.Name, a.fixed, p.Activation)
		if a.since == "" {
			refuse("%s", msg)
		} else {
			caveat("before %s %s", a.since, msg)
		}
	}
	if pre, ok := gguf.Get[string](m, "tokenizer.ggml.pre"); ok && g.pres != nil {
		model, _ := gguf.Get[string](m, "tokenizer.ggml.model")
		switch {
		case model != "gpt2" || slices.Contains(g.pres, pre):
		case slices.Contains(g.ownPres, pre) && !convert:
			caveat("pre-tokenizer %q means other rules in other programs: one of them cuts text otherwise than in training", pre)
		default:
			unknown("it does not know pre-tokenizer %q, or cuts by other rules under this name", pre)
		}
	}
	return v
}

// judgeTypes names each unknown type once.
func (g program) judgeTypes(ts []gguf.Tensor, convert bool, refuse, caveat func(string, ...any)) {
	count := map[string]int{}
	var unknown []gguf.Tensor // the first of each type
	for _, t := range ts {
		if !g.knows(t) {
			if count[t.TypeName()] == 0 {
				unknown = append(unknown, t)
			}
			count[t.TypeName()]++
		}
	}
	for _, t := range unknown {
		name := t.TypeName()
		switch after, ok := g.imports[t.Type]; {
		case ok && convert:
			caveat("%s has to be requantized %s", name, after)
		case ok:
			refuse("%s has to be requantized first, %s", name, after)
		default:
			refuse("it does not know type %s, of %d tensors", name, count[name])
		}
	}
}

func (g program) knows(t gguf.Tensor) bool {
	if g.private != nil && g.private(t.TypeID) {
		return true
	}
	if g.types == nil { // this program
		c, ok := quant.Lookup(t.Type)
		return ok && c.Decode != nil
	}
	return slices.Contains(commonTypes, t.Type) || slices.Contains(g.types, t.Type)
}
