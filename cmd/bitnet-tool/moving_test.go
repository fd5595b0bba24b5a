package main

import (
	"os"
	"strings"
	"testing"
)

// TestMovingGuide makes sure that the script runs every command of the page.
func TestMovingGuide(t *testing.T) {
	page, err := os.ReadFile("../../docs/guide/moving.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/moving.txt")
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for line := range strings.Lines(string(page)) {
		command, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "    ")
		if !ok {
			continue
		}
		commands++
		if quoted := " sh -c '" + strings.ReplaceAll(command, "'", "''") + "'\n"; !strings.Contains(string(script), quoted) {
			t.Errorf("testdata/moving.txt does not run: %s", command)
		}
	}
	if commands < 10 {
		t.Errorf("only %d commands were found", commands)
	}
}
