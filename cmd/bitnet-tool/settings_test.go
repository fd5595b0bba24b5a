package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrecedence(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.json")
	write := func(text string) {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"progress": "plain", "n": 3, "temp": 0.5, "ignore-eos": true, "threads": 9, "q": true}`)
	env := map[string]string{"BITNET_TOOL_N": "2", "BITNET_TOOL_TOP_K": "7", "BITNET_TOOL_CONFIG": config, "BITNET_TOOL_SEED": ""}
	p, err := takeApart([]string{"run", "f", "-n", "1"}, commands())
	if err == nil {
		err = p.fill(commands(), func(name string) string { return env[name] })
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]flagValue{
		"n":          {"1", "-n"},
		"top-k":      {"7", "BITNET_TOOL_TOP_K"},
		"progress":   {"plain", `"progress" in ` + config},
		"temp":       {"0.5", `"temp" in ` + config},
		"ignore-eos": {"true", `"ignore-eos" in ` + config},
		"quiet":      {"true", `"quiet" in ` + config},
		"config":     {config, "BITNET_TOOL_CONFIG"},
	} {
		if got := p.flags[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(p.flags) != 7 {
		t.Errorf("flags are %v: one is of another command, or was empty", p.flags)
	}
}

func TestConfigRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", ``, "not a JSON object"},
		{"list", `[]`, "not a JSON object"},
		{"cut off", `{"n": 1`, "EOF"},
		{"more behind", `{} {}`, "something follows"},
		{"unknown flag", `{"treads": 1}`, `there is no flag "treads"`},
		{"config in config", `{"config": "x"}`, `there is no flag "config"`},
		{"twice", `{"n": 1, "n": 2}`, `"n" is there twice`},
		{"twice by other names", `{"q": true, "quiet": true}`, `"quiet" is there twice`},
		{"object", `{"n": {}}`, "neither text"},
		{"null", `{"n": null}`, "neither text"},
		{"value for a switch", `{"json": "yes"}`, "must be true or false"},
		{"number for a switch", `{"json": 1}`, "must be true or false"},
		{"switch for a value", `{"n": true}`, "the flag takes a value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseConfig([]byte(tt.text), everyFlag(commands()))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
