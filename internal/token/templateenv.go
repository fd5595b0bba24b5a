package token

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// What a template may call. Left out of gonja's own: what can be asked for any
// width or repetition, what reads attributes by computed names, what is random,
// and what differs from Python. Replaced are those that differ from Python in
// ways chat templates meet: whitespace, lists and order. tojson is not there, as
// it serves tool calls, which a [Message] cannot have.
var (
	filters = []string{
		"abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "int", "items",
		"join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse",
		"round", "safe", "select", "selectattr", "sort", "string", "sum", "title", "unique", "upper",
	}
	stringMethods = []string{
		"capitalize", "endswith", "isalnum", "isalpha", "isdigit", "islower", "isspace", "isupper", "join", "lower",
		"removeprefix", "removesuffix", "startswith", "title", "upper",
	}
)

func (r *rendering) environment() *exec.Environment {
	namespace, _ := builtins.GlobalFunctions.Get("namespace")
	dict, _ := builtins.GlobalFunctions.Get("dict")
	filterSet := map[string]exec.FilterFunction{"trim": trimFilter}
	for _, name := range filters {
		filterSet[name], _ = builtins.Filters.Get(name)
	}
	str := map[string]exec.Method[string]{
		"strip":   stripMethod(strings.TrimFunc),
		"lstrip":  stripMethod(strings.TrimLeftFunc),
		"rstrip":  stripMethod(strings.TrimRightFunc),
		"split":   splitMethod,
		"replace": replaceMethod,
	}
	for _, name := range stringMethods {
		str[name], _ = builtins.Methods.Str.Get(name)
	}
	methods := builtins.Methods
	methods.Str = exec.NewMethodSet(str)
	get, _ := builtins.Methods.Dict.Get("get")
	methods.Dict = exec.NewMethodSet(map[string]exec.Method[map[string]any]{
		"get":    get,
		"items":  dictMethod(func(k, v any) any { return sequence{k, v} }),
		"keys":   dictMethod(func(k, _ any) any { return k }),
		"values": dictMethod(func(_, v any) any { return v }),
	})
	return &exec.Environment{
		Context: exec.NewContext(map[string]any{
			"range":           r.rangeFunc,
			"namespace":       namespace,
			"dict":            dict,
			"strftime_now":    r.strftimeNow,
			"raise_exception": func(message string) (string, error) { return "", errors.New(message) },
		}),
		Filters:           exec.NewFilterSet(filterSet),
		Tests:             builtins.Tests,
		ControlStructures: r.statements(),
		Methods:           methods,
	}
}

// sequence is a list whose last element is at -1 however short it is; gonja's
// lists lack the one at -len.
type sequence []any

// GetItem implements [exec.ItemGetter].
func (l sequence) GetItem(key any) (*exec.Value, bool) {
	i, ok := key.(int)
	if i < 0 {
		i += len(l)
	}
	if !ok || i < 0 || i >= len(l) {
		return exec.AsValue(nil), false
	}
	return exec.ToValue(l[i]), true
}

// rangeFunc is range() with limits.
func (r *rendering) rangeFunc(params *exec.VarArgs) (sequence, error) {
	var start, stop int
	step := 1
	for _, a := range params.Args {
		if !a.IsInteger() {
			return nil, errors.New("range() takes integers")
		}
	}
	switch a := params.Args; len(a) {
	case 1:
		stop = a[0].Integer()
	case 3:
		step = a[2].Integer()
		fallthrough
	case 2:
		start, stop = a[0].Integer(), a[1].Integer()
	default:
		return nil, errors.New("range() takes one to three integers")
	}
	if step == 0 {
		return nil, errors.New("range() with a step of 0")
	}
	var out sequence
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if r.ranged++; len(out) == maxRange || r.ranged > maxRangeTotal {
			return nil, fmt.Errorf("range() of more than %d items, or more than %d in all", maxRange, maxRangeTotal)
		}
		out = append(out, i)
	}
	return out, nil
}

// strftimeNow is transformers' strftime_now for the directives that dates are
// written with.
func (r *rendering) strftimeNow(format string) (string, error) {
	layouts := map[byte]string{
		'd': "02", 'm': "01", 'y': "06", 'Y': "2006", 'B': "January", 'b': "Jan", 'A': "Monday", 'a': "Mon",
		'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05",
		'%': "%",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		layout, ok := "", false
		if i < len(format) {
			layout, ok = layouts[format[i]]
		}
		if !ok {
			return "", fmt.Errorf("strftime_now(%q): unknown directive", format)
		}
		b.WriteString(r.clock().Format(layout))
	}
	return b.String(), nil
}

func (r *rendering) clock() time.Time {
	if r.now.IsZero() {
		return time.Now()
	}
	return r.now
}

// pythonSpace is str.isspace of one character: Unicode's White_Space and the
// four ASCII separators.
func pythonSpace(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }

// cutset gives the characters to strip: those of the one argument, else space.
func cutset(params *exec.VarArgs) (func(rune) bool, error) {
	switch {
	case len(params.Args) == 0 && len(params.KwArgs) == 0:
		return pythonSpace, nil
	case len(params.Args) == 1 && len(params.KwArgs) == 0 && params.Args[0].IsString():
		chars := params.Args[0].String()
		return func(c rune) bool { return strings.ContainsRune(chars, c) }, nil
	}
	return nil, errors.New("expected at most one argument, the characters to strip")
}

func stripMethod(trim func(string, func(rune) bool) string) exec.Method[string] {
	return func(s string, _ *exec.Value, params *exec.VarArgs) (any, error) {
		cut, err := cutset(params)
		if err != nil {
			return nil, err
		}
		return trim(s, cut), nil
	}
}

func trimFilter(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	cut, err := cutset(params)
	if err != nil {
		return exec.AsValue(fmt.Errorf("trim: %w", err))
	}
	return exec.AsValue(strings.TrimFunc(in.String(), cut))
}

// splitMethod is str.split(sep=None, maxsplit=-1) with positional arguments.
func splitMethod(s string, _ *exec.Value, params *exec.VarArgs) (any, error) {
	a := params.Args
	if len(params.KwArgs) > 0 || len(a) > 2 || len(a) > 0 && !a[0].IsString() || len(a) == 2 && !a[1].IsInteger() {
		return nil, errors.New("split() takes a separator and a number")
	}
	var parts []string
	switch {
	case len(a) == 0:
		parts = strings.FieldsFunc(s, pythonSpace)
	case a[0].String() == "":
		return nil, errors.New("split() by an empty separator")
	case len(a) == 2 && a[1].Integer() >= 0:
		parts = strings.SplitN(s, a[0].String(), a[1].Integer()+1)
	default:
		parts = strings.Split(s, a[0].String())
	}
	out := make(sequence, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out, nil
}

// replaceMethod is str.replace(old, new, count=-1) with positional arguments.
func replaceMethod(s string, _ *exec.Value, params *exec.VarArgs) (any, error) {
	a := params.Args
	if len(params.KwArgs) > 0 || len(a) < 2 || len(a) > 3 || !a[0].IsString() || !a[1].IsString() || len(a) == 3 && !a[2].IsInteger() {
		return nil, errors.New("replace() takes two texts and a number")
	}
	n := -1
	if len(a) == 3 {
		n = a[2].Integer()
	}
	return strings.Replace(s, a[0].String(), a[1].String(), n), nil
}

// dictMethod lists something of each entry, in the order of the entries.
func dictMethod(of func(key, value any) any) exec.Method[map[string]any] {
	return func(_ map[string]any, self *exec.Value, _ *exec.VarArgs) (any, error) {
		out := sequence{}
		self.Iterate(func(_, _ int, key, value *exec.Value) bool {
			out = append(out, of(key.Interface(), value.Interface()))
			return true
		}, func() {})
		return out, nil
	}
}
