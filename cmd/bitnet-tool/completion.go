package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completionFlag is what urfave/cli's completion scripts append to the words
// typed so far to be told what could come next.
const completionFlag = "--generate-bash-completion"

func completionCommand() command {
	return command{
		name: "completion", args: "bash|zsh|fish", min: 1, max: 1,
		about: "print a script that completes commands and flags in a shell",
		long: "For bash, in ~/.bashrc: source <(bitnet-tool completion bash)\n" +
			"For zsh, in ~/.zshrc after compinit: source <(bitnet-tool completion zsh)\n" +
			"For fish: bitnet-tool completion fish > ~/.config/fish/completions/bitnet-tool.fish",
		run: func(_ context.Context, c *call) (result, error) {
			switch c.args[0] {
			case "bash":
				return textResult{bashCompletion}, nil
			case "zsh":
				return textResult{zshCompletion}, nil
			case "fish":
				text, err := fishCompletion(commands())
				return textResult{text}, err
			}
			return nil, usagef("no completion for the shell %q", c.args[0]).suggest("choose from bash, zsh, fish")
		},
	}
}

// These scripts ask the tool itself, so that they never grow old. Where it has
// no answer the shell completes file names.
const (
	bashCompletion = `# bash completion for bitnet-tool
_bitnet_tool() {
	local cur="${COMP_WORDS[COMP_CWORD]}"
	COMPREPLY=($(compgen -W "$("${COMP_WORDS[@]:0:COMP_CWORD}" "$cur" --generate-bash-completion 2>/dev/null)" -- "$cur"))
}
complete -o bashdefault -o default -F _bitnet_tool bitnet-tool
`
	zshCompletion = `#compdef bitnet-tool
_bitnet_tool() {
	local -a choices
	choices=("${(@f)$("${(@)words[1,CURRENT]}" --generate-bash-completion 2>/dev/null)}")
	if [[ -n "${choices[1]}" ]]; then
		compadd -- "${choices[@]}"
	else
		_files
	fi
}
compdef _bitnet_tool bitnet-tool
`
)

// fishCompletion gives urfave/cli's script, with the global flags behind
// commands too, and without the marks around names of values.
func fishCompletion(cmds []command) (string, error) {
	app := newApp(cmds, nil)
	for _, cmd := range app.Commands {
		cmd.Flags = append(cmd.Flags, globalFlags()...)
	}
	text, err := app.ToFishCompletion()
	return strings.ReplaceAll(text, "`", ""), err
}

// complete prints what the last word of argv before completionFlag could
// become, one a line.
func complete(argv []string, cmds []command, w io.Writer) exitCode {
	for _, s := range candidates(argv[:len(argv)-1], cmds) {
		fmt.Fprintln(w, s)
	}
	return exitOK
}

// candidates lists commands, or the flags that may still be given, or the
// values of the flag before the last word.
func candidates(words []string, cmds []command) []string {
	last, before := "", ""
	if n := len(words); n > 0 {
		last, words = words[n-1], words[:n-1]
	}
	if n := len(words); n > 0 {
		before = words[n-1]
	}
	if slices.Contains(words, "--") {
		return nil
	}
	p, _ := takeApart(words, cmds) // half a command line has errors
	flags := globalFlags()
	own := slices.IndexFunc(cmds, func(c command) bool { return c.name == p.command })
	if own >= 0 {
		flags = append(flags, cmds[own].flags...)
	}
	if f, ok := tableOf(flags)[strings.TrimLeft(before, "-")]; ok && strings.HasPrefix(before, "-") && takesValue(f) {
		return withPrefix(valuesOf(f), last)
	}
	if strings.HasPrefix(last, "-") {
		var names []string
		for _, f := range flags {
			if _, given := p.flags[f.Names()[0]]; !given {
				for _, n := range f.Names() {
					names = append(names, dashed(n))
				}
			}
		}
		return withPrefix(names, last)
	}
	if own >= 0 {
		return withPrefix(choices(cmds[own].args), last)
	}
	var names []string
	for _, c := range cmds {
		if !c.hidden {
			names = append(names, c.name)
		}
	}
	return withPrefix(names, last)
}

// valuesOf gives the values that a flag's usage lists after a colon: "as
// `FORM`: auto, bar or none".
func valuesOf(f cli.Flag) []string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return nil
	}
	_, list, ok := strings.Cut(d.GetUsage(), "`: ")
	if !ok {
		return nil
	}
	return strings.FieldsFunc(strings.ReplaceAll(list, " or ", ","), func(r rune) bool { return r == ',' || r == ' ' })
}

// choices gives the words of an argument that is one of several: "a|b".
func choices(args string) []string {
	if !strings.Contains(args, "|") || strings.ContainsAny(args, " [") {
		return nil
	}
	return strings.Split(args, "|")
}

func withPrefix(words []string, prefix string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, prefix) })
}
