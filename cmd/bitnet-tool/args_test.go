package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// texts gives the values without where they came from.
func (v flagValues) texts() map[string]string {
	out := map[string]string{}
	for name, value := range v {
		out[name] = value.text
	}
	return out
}

func TestTakeApart(t *testing.T) {
	type flags = map[string]string
	tests := []struct {
		name    string
		argv    string // fields
		command string
		args    []string
		flags   flags
	}{
		{"nothing", "", "", nil, flags{}},
		{"flag first", "--json inspect f", "inspect", []string{"f"}, flags{"json": "true"}},
		{"flag last", "inspect f --json", "inspect", []string{"f"}, flags{"json": "true"}},
		{"own flag before the command", "--kv key inspect f", "inspect", []string{"f"}, flags{"kv": "key"}},
		{"value after =", "inspect f --kv=key", "inspect", []string{"f"}, flags{"kv": "key"}},
		{"empty value", "inspect f --kv=", "inspect", []string{"f"}, flags{"kv": ""}},
		{"value with =", "inspect f --kv=a=b", "inspect", []string{"f"}, flags{"kv": "a=b"}},
		{"one dash", "run f -temp 0 -top-k 5", "run", []string{"f"}, flags{"temp": "0", "top-k": "5"}},
		{"two dashes", "run f --n 5 --p x", "run", []string{"f"}, flags{"n": "5", "p": "x"}},
		{"short name", "-q -v inspect f", "inspect", []string{"f"}, flags{"quiet": "true", "verbose": "true"}},
		{"negative value", "run f --temp -1", "run", []string{"f"}, flags{"temp": "-1"}},
		{"value that looks like a flag", "run f -p=--json", "run", []string{"f"}, flags{"p": "--json"}},
		{"value with a dash that is no flag", "run f -p -x", "run", []string{"f"}, flags{"p": "-x"}},
		{"dash is an argument", "tokenize f -", "tokenize", []string{"f", "-"}, flags{}},
		{"dash is a value", "tokenize f --file -", "tokenize", []string{"f"}, flags{"file": "-"}},
		{"end of flags", "tokenize f --json -- --json", "tokenize", []string{"f", "--json"}, flags{"json": "true"}},
		{"end of flags twice", "tokenize f -- --", "tokenize", []string{"f", "--"}, flags{}},
		{"end of flags before the command", "-- version", "version", []string{}, flags{}},
		{"bool with a value", "inspect f --json=false", "inspect", []string{"f"}, flags{"json": "false"}},
		{"same flag twice", "inspect f --kv a --kv a", "inspect", []string{"f"}, flags{"kv": "a"}},
		{"by both names", "-q inspect --quiet f", "inspect", []string{"f"}, flags{"quiet": "true"}},
		{"value with one command", "--kv general.type inspect f", "inspect", []string{"f"}, flags{"kv": "general.type"}},
		{"none with another", "--kv diff a b", "diff", []string{"a", "b"}, flags{"kv": "true"}},
		{"list", "pull --include a r --include b", "pull", []string{"r"}, flags{"include": "a\nb"}},
		{"help for a command", "inspect --help --json", "inspect", []string{}, flags{"json": "true"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := takeApart(strings.Fields(tt.argv), commands())
			if err != nil {
				t.Fatal(err)
			}
			if p.command != tt.command || p.help != strings.Contains(tt.argv, "help") {
				t.Errorf("command %q, help %v", p.command, p.help)
			}
			if diff := cmp.Diff(tt.args, p.args); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.flags, p.flags.texts()); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTakeApartRefuses(t *testing.T) {
	tests := []struct{ name, argv, want, hint string }{
		{"unknown flag", "inspect f --tensor", "inspect has no flag --tensor", "did you mean --tensors?"},
		{"unknown flag, nothing like it", "inspect f --xyzzy", "inspect has no flag --xyzzy", "see bitnet-tool help inspect"},
		{"unknown flag with a value", "inspect f --tensor=1", "inspect has no flag --tensor", "did you mean --tensors?"},
		{"flag of another command", "inspect f --threads 2", "inspect has no flag --threads", ""},
		{"unknown flag, value taken for the command", "--bogus 1 inspect f", "unknown flag --bogus", ""},
		{"a command with dashes", "--version", "unknown flag --version", "version is a command: bitnet-tool version"},
		{"number as an argument", "tokenize f -5", "tokenize has no flag -5", "put -- before an argument that starts with a dash"},
		{"value missing", "quantize f --type", "flag --type needs a value", ""},
		{"flag for a value", "quantize f --type --force", "flag --type needs a value, but the flag --force follows", "if that is the value, write --type=--force"},
		{"end of flags for a value", "quantize f --type -- x", "but the flag -- follows", ""},
		{"two values", "inspect f --kv a --kv b", `flag --kv is given twice, as "a" and "b"`, ""},
		{"contradiction", "inspect f --json --json=false", `flag --json is given twice`, ""},
		{"unknown command", "inspekt f", `there is no command "inspekt"`, "did you mean inspect?"},
		{"unknown command, nothing like it", "xyzzy", `there is no command "xyzzy"`, "see bitnet-tool help"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := takeApart(strings.Fields(tt.argv), commands())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if code := codeOf(err); code != exitUsage {
				t.Errorf("exit code %d", code)
			}
			if hint := hintOf(err); tt.hint != "" && hint != tt.hint {
				t.Errorf("hint %q, want %q", hint, tt.hint)
			}
		})
	}
}

// TestEveryFlagInEveryPlace gives each flag of each command before the command,
// after it and after the argument, with one dash and two, and wants urfave/cli
// to see the same.
func TestEveryFlagInEveryPlace(t *testing.T) {
	if raceEnabled {
		t.Skip("thousands of parsings in one goroutine")
	}
	for _, cmd := range commands() {
		for _, f := range slices.Concat(globalFlags(), cmd.flags) {
			for _, name := range f.Names() {
				t.Run(cmd.name+" "+dashed(name), func(t *testing.T) {
					value := sampleValue(t, f)
					for _, dashes := range []string{"-", "--"} {
						flag := []string{dashes + name}
						if takesValue(f) {
							flag = append(flag, value)
						}
						for place, argv := range map[string][]string{
							"before the command": slices.Concat(flag, []string{cmd.name, "arg"}),
							"after the command":  slices.Concat([]string{cmd.name}, flag, []string{"arg"}),
							"at the end":         slices.Concat([]string{cmd.name, "arg"}, flag),
							"with =":             {cmd.name, "arg", dashes + name + "=" + value},
						} {
							if got := seen(t, argv, f.Names()[0]); got != value {
								t.Errorf("%s %s: %q, want %q", dashes+name, place, got, value)
							}
						}
					}
				})
			}
		}
	}
}

// sampleValue gives a value for f that is not its default.
func sampleValue(t *testing.T, f cli.Flag) string {
	t.Helper()
	switch f.(type) {
	case *cli.BoolFlag:
		return "true"
	case *cli.StringFlag, *cli.StringSliceFlag:
		return "some text"
	case *cli.Float64Flag:
		return "0.125"
	case *cli.IntFlag, *cli.UintFlag, *cli.Uint64Flag:
		return "77"
	}
	t.Fatalf("flag %v is of a type that this test does not know", f)
	return ""
}

// seen gives the value of a flag that a command would get.
func seen(t *testing.T, argv []string, name string) string {
	t.Helper()
	p, err := takeApart(argv, commands())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"arg"}, p.args); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	got, runs := "", 0
	app := newApp(commands(), func(cc *cli.Context, _ command) error {
		runs++
		if diff := cmp.Diff([]string{"arg"}, cc.Args().Slice()); diff != "" {
			t.Errorf("arguments to urfave/cli (-want +got):\n%s", diff)
		}
		got = valueText(cc, name)
		return nil
	})
	if err := app.Run(p.arrange(program, tableOf(globalFlags()))); err != nil {
		t.Fatal(err)
	}
	if runs != 1 {
		t.Errorf("the command ran %d times", runs)
	}
	return got
}

// valueText gives the value of a flag of any type.
func valueText(cc *cli.Context, name string) string {
	if list := cc.StringSlice(name); list != nil {
		return strings.Join(list, ",")
	}
	if v, ok := cc.Value(name).(interface{ String() string }); ok {
		return v.String()
	}
	b, _ := toJSON(cc.Value(name))
	return strings.Trim(string(b), `"`)
}

// TestGlobalFlagsAreGlobal makes sure that no command has a flag of the same
// name as a global one.
func TestGlobalFlagsAreGlobal(t *testing.T) {
	globals := tableOf(globalFlags())
	for _, cmd := range commands() {
		for name := range tableOf(cmd.flags) {
			if _, ok := globals[name]; ok {
				t.Errorf("flag %s of %s is a global one too", name, cmd.name)
			}
		}
	}
}
