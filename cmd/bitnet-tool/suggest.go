package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// nearest gives the name that the given one was most likely to be, "" if it is
// too far from all of them.
func nearest(given string, names []string) string {
	best, name := min(len(given)/2, 2)+1, ""
	for _, n := range names {
		if d := edits(given, n); d < best {
			best, name = d, n
		}
	}
	return name
}

// edits counts the bytes to insert, remove or replace to make a into b.
func edits(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// unknownFlag is the error for a flag that the command, "" if there is none,
// does not have.
func unknownFlag(t flagToken, command string, own []cli.Flag, cmds []command) error {
	f := usagef("unknown flag %s", t.spelled)
	if command != "" {
		f = usagef("%s has no flag %s", command, t.spelled)
	}
	var names []string
	for _, list := range [][]cli.Flag{own, globalFlags()} {
		for _, fl := range list {
			names = append(names, fl.Names()...)
		}
	}
	if n := nearest(t.name, names); n != "" {
		return f.suggest("did you mean %s?", dashed(n))
	}
	for _, c := range cmds {
		if !c.hidden && c.name == t.name {
			return f.suggest("%s is a command: bitnet-tool %s", c.name, c.name)
		}
	}
	if strings.Trim(t.name, "0123456789.") == "" {
		return f.suggest("put -- before an argument that starts with a dash")
	}
	return f.suggest("%s", strings.TrimSpace("see bitnet-tool help "+command))
}

// unknownCommand is the error for a command that does not exist.
func unknownCommand(name string, cmds []command) error {
	f := usagef("there is no command %q", name)
	var names []string
	for _, c := range cmds {
		if !c.hidden {
			names = append(names, c.name)
		}
	}
	if n := nearest(name, names); n != "" {
		return f.suggest("did you mean %s?", n)
	}
	return f.suggest("see bitnet-tool help")
}

// dashed spells a flag's name as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
