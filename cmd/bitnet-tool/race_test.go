//go:build race

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

const raceEnabled = true

// watched runs tests and fails if a process of the program that they started
// has reported a race. The detector makes only those fail that would have
// succeeded, and a script may expect that; its reports say it of all.
type watched struct{ m *testing.M }

func watchRaces(m *testing.M) testscript.TestingM { return watched{m} }

func (w watched) Run() int {
	dir, err := os.MkdirTemp("", "bitnet-tool-race")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// By default each process would sleep for a second when it is done, so that
	// what it left running could race: https://go.dev/doc/articles/race_detector#Options
	os.Setenv("GORACE", "atexit_sleep_ms=0 log_path="+filepath.Join(dir, "report"))
	code := w.m.Run()
	reports, err := filepath.Glob(filepath.Join(dir, "report*"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, name := range reports {
		text, err := os.ReadFile(name)
		fmt.Fprintf(os.Stderr, "a process of the program reported (%v):\n%s", err, text)
		code = 1
	}
	return code
}
