package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// parsed is a command line taken apart: urfave/cli drops flags that follow the
// first argument, so they are sorted out before it sees them.
type parsed struct {
	command string   // "" if there is none
	args    []string // arguments after the command
	flags   flagValues
	help    bool
}

// flagValues holds the flags that were given, by their first name.
type flagValues map[string]flagValue

type flagValue struct {
	text string
	from string // how the user gave it, for messages: "--threads", "BITNET_TOOL_THREADS"
}

// flagTable finds a flag by any of its names.
type flagTable map[string]cli.Flag

func tableOf(lists ...[]cli.Flag) flagTable {
	t := flagTable{}
	for _, list := range lists {
		for _, f := range list {
			for _, name := range f.Names() {
				t[name] = f
			}
		}
	}
	return t
}

// takesValue reports whether f is followed by a value.
func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// flagToken is one flag of a command line, with its value if it came with one.
type flagToken struct {
	spelled string // as typed, with dashes, without a value
	name    string
	value   string
	valued  bool
}

func (t flagToken) help() bool { return (t.name == "help" || t.name == "h") && !t.valued }

// takeApart sorts argv into flags and arguments. Flags may stand anywhere, with
// one dash or two, as "--flag value" or "--flag=value"; "--" ends them, and "-"
// is an argument.
//
// After an error parsed still holds what was understood, so that the error can
// be reported in the form that was asked for.
func takeApart(argv []string, cmds []command) (*parsed, error) {
	p := &parsed{flags: flagValues{}}
	cmd, known := findCommand(argv, cmds)
	tokens, args, err := split(argv, known)
	if len(args) > 0 {
		p.command, p.args = cmd.name, args[1:]
	}
	// A flag that no command has comes first: its value, if it was to have one,
	// may have been taken for the command.
	for _, t := range tokens {
		if _, ok := known[t.name]; !ok && !t.help() {
			err = unknownFlag(t, p.command, cmd.flags, cmds)
			break
		}
	}
	if len(args) > 0 && cmd.name == "" {
		err = cmp.Or(err, unknownCommand(args[0], cmds))
	}
	own := tableOf(globalFlags(), cmd.flags)
	for _, t := range tokens {
		f, ok := own[t.name]
		switch {
		case t.help():
			p.help = true
		case ok:
			err = cmp.Or(err, p.flags.set(f, t))
		default:
			err = cmp.Or(err, unknownFlag(t, p.command, cmd.flags, cmds))
		}
	}
	return p, err
}

// everyFlag gives the flags of all commands.
func everyFlag(cmds []command) flagTable {
	lists := [][]cli.Flag{globalFlags()}
	for _, c := range cmds {
		lists = append(lists, c.flags)
	}
	return tableOf(lists...)
}

// findCommand gives the command of argv, empty if there is none, and the flags
// to read argv with. The command may come last, and whether a flag before it
// takes a value can depend on the command: so each is tried, and the first
// that is found where a command must stand is it.
func findCommand(argv []string, cmds []command) (command, flagTable) {
	all := everyFlag(cmds)
	for _, c := range cmds {
		known := maps.Clone(all)
		maps.Copy(known, tableOf(c.flags))
		if _, args, _ := split(argv, known); len(args) > 0 && args[0] == c.name {
			return c, known
		}
	}
	return command{}, all
}

// split separates flags from arguments, of which the command is the first.
func split(argv []string, known flagTable) (tokens []flagToken, args []string, err error) {
	for i := 0; i < len(argv); i++ {
		arg := argv[i]
		if arg == "--" {
			args = append(args, argv[i+1:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			args = append(args, arg)
			continue
		}
		t := flagToken{}
		t.spelled, t.value, t.valued = strings.Cut(arg, "=")
		t.name = strings.TrimPrefix(strings.TrimPrefix(t.spelled, "-"), "-")
		f, ok := known[t.name]
		if ok && takesValue(f) && !t.valued {
			switch {
			case i+1 == len(argv):
				err = usagef("flag %s needs a value", t.spelled)
				continue
			case isFlag(argv[i+1], known):
				err = usagef("flag %s needs a value, but the flag %s follows", t.spelled, argv[i+1]).
					suggest("if that is the value, write %s=%s", t.spelled, argv[i+1])
				continue
			}
			i++
			t.value, t.valued = argv[i], true
		}
		tokens = append(tokens, t)
	}
	return tokens, args, err
}

// isFlag reports whether arg is spelled as a flag that exists, or is "--".
func isFlag(arg string, known flagTable) bool {
	if len(arg) < 2 || arg[0] != '-' {
		return false
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	_, ok := known[name]
	return ok || arg == "--"
}

// listSeparator stands between the values of a list on its way through
// urfave/cli. It is no comma: a pattern may hold one.
const listSeparator = "\n"

// set notes a flag of the command line. The same flag with two values is an
// error, as one of them would be ignored; a list takes both.
func (v flagValues) set(f cli.Flag, t flagToken) error {
	name := f.Names()[0]
	if !t.valued {
		t.value = "true"
	}
	old, twice := v[name]
	if _, list := f.(*cli.StringSliceFlag); list && twice {
		t.value = old.text + listSeparator + t.value
	} else if twice && old.text != t.value {
		return usagef("flag %s is given twice, as %q and %q", t.spelled, old.text, t.value)
	}
	v[name] = flagValue{t.value, t.spelled}
	return nil
}

// arrange puts the parts in the order that urfave/cli reads without loss.
func (p *parsed) arrange(program string, globals flagTable) []string {
	argv := []string{program}
	var own []string
	for name, v := range p.flags {
		arg := "--" + name + "=" + v.text
		if _, global := globals[name]; global {
			argv = append(argv, arg)
		} else {
			own = append(own, arg)
		}
	}
	slices.Sort(argv[1:])
	slices.Sort(own)
	argv = append(append(argv, p.command), own...)
	return append(append(argv, "--"), p.args...)
}
