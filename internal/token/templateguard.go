package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	controls "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// rendering is one run of a template: its output, and what it has used up of
// the limits.
type rendering struct {
	ctx    context.Context
	now    time.Time
	out    bytes.Buffer
	ranged int // items of range() so far
	loops  int // loop rounds so far
	depth  int // macros under way
}

// Write takes output up to the limit.
func (r *rendering) Write(p []byte) (int, error) {
	if r.out.Len()+len(p) > maxRendered {
		return 0, fmt.Errorf("output of more than %d bytes", maxRendered)
	}
	return r.out.Write(p)
}

// rootName is the name of the one template there is.
const rootName = "template"

// rootLoader loads the template itself and nothing else, in place of gonja's
// loaders, which read files.
type rootLoader string

var errNoInclude = errors.New("a chat template cannot load others")

func (l rootLoader) Read(name string) (io.Reader, error) {
	if name != rootName {
		return nil, errNoInclude
	}
	return strings.NewReader(string(l)), nil
}
func (l rootLoader) Resolve(string) (string, error)         { return "", errNoInclude }
func (l rootLoader) Inherit(string) (loaders.Loader, error) { return nil, errNoInclude }

// checkTokens refuses names that reach for Python's internals, and nesting
// that would need a deep stack.
func checkTokens(src string, cfg *config.Config) error {
	var previous tokens.Type
	depth := 0
	for s := tokens.LexAll(src, cfg); !s.End(); {
		t := s.Next()
		switch t.Type {
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			if depth++; depth > maxParentheses {
				return fmt.Errorf("line %d: more than %d open brackets", t.Line, maxParentheses)
			}
		case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace:
			depth--
		case tokens.Name, tokens.String:
			if (previous == tokens.Dot || previous == tokens.LeftBracket) && strings.HasPrefix(t.Val, "_") {
				return fmt.Errorf("line %d: attribute %q: those that start with _ cannot be used", t.Line, t.Val)
			}
		}
		previous = t.Type
	}
	return nil
}

// The statements of templates. Those that load others are left out.
var statements = []string{"break", "call", "continue", "filter", "if", "raw", "set", "with"}

func (r *rendering) statements() *exec.ControlStructureSet {
	set := map[string]parser.ControlStructureParser{
		"for":        r.parseFor,
		"macro":      r.parseMacro,
		"generation": parseGeneration,
	}
	for _, name := range statements {
		set[name], _ = builtins.ControlStructures.Get(name)
	}
	return exec.NewControlStructureSet(set)
}

// parseFor is gonja's for with a round counter as the first thing in its body.
func (r *rendering) parseFor(p, args *parser.Parser) (nodes.ControlStructure, error) {
	builtin, _ := builtins.ControlStructures.Get("for")
	s, err := builtin(p, args)
	if err != nil {
		return nil, err
	}
	loop, ok := s.(*controls.ForControlStructure)
	if !ok || loop.Recursive {
		return nil, args.Error("recursive loops are not supported", nil)
	}
	counter := &nodes.ControlStructureBlock{
		Location:         loop.Position(),
		Name:             "for",
		ControlStructure: &round{r, loop.Position()},
	}
	loop.BodyWrapper.Nodes = slices.Insert(loop.BodyWrapper.Nodes, 0, nodes.Node(counter))
	return loop, nil
}

// round is executed each time a loop goes round.
type round struct {
	r   *rendering
	tok *tokens.Token
}

func (n *round) Position() *tokens.Token { return n.tok }
func (n *round) String() string          { return "for" }

// Execute counts the round. The output may be the text of a macro or a set
// block, which does not go through [rendering.Write].
func (n *round) Execute(out *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	if n.r.loops++; n.r.loops > maxLoopTotal {
		return fmt.Errorf("loops went round more than %d times", maxLoopTotal)
	}
	if b, ok := out.Output.(interface{ Len() int }); ok && b.Len() > maxRendered {
		return fmt.Errorf("a text of more than %d bytes", maxRendered)
	}
	return n.r.ctx.Err()
}

// parseMacro is gonja's macro with a limit on recursion, which would end the
// process if the stack ran out.
func (r *rendering) parseMacro(p, args *parser.Parser) (nodes.ControlStructure, error) {
	builtin, _ := builtins.ControlStructures.Get("macro")
	s, err := builtin(p, args)
	if err != nil {
		return nil, err
	}
	m, ok := s.(*controls.MacroControlStructure)
	if !ok {
		return nil, args.Error("macro is not supported", nil)
	}
	return &macro{m, r}, nil
}

type macro struct {
	*controls.MacroControlStructure
	r *rendering
}

// Execute defines the macro.
func (m *macro) Execute(out *exec.Renderer, block *nodes.ControlStructureBlock) error {
	if err := m.MacroControlStructure.Execute(out, block); err != nil {
		return err
	}
	value, _ := out.Environment.Context.Get(m.Name)
	call, ok := value.(exec.Macro)
	if !ok {
		return fmt.Errorf("macro %s is a %T", m.Name, value)
	}
	out.Environment.Context.Set(m.Name, exec.Macro(func(params *exec.VarArgs) *exec.Value {
		m.r.depth++
		defer func() { m.r.depth-- }()
		if m.r.depth > maxMacroDepth {
			return exec.AsValue(fmt.Errorf("macros called each other more than %d deep", maxMacroDepth))
		}
		return call(params)
	}))
	return nil
}

// parseGeneration reads transformers' {% generation %}, which marks the
// assistant's text for training and changes nothing in the output.
func parseGeneration(p, _ *parser.Parser) (nodes.ControlStructure, error) {
	start := p.Current()
	body, _, err := p.WrapUntil("endgeneration")
	if err != nil {
		return nil, err
	}
	return &generation{body, start}, nil
}

type generation struct {
	body *nodes.Wrapper
	tok  *tokens.Token
}

func (g *generation) Position() *tokens.Token { return g.tok }
func (g *generation) String() string          { return "generation" }

// Execute renders the body.
func (g *generation) Execute(out *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	return out.ExecuteWrapper(g.body)
}
