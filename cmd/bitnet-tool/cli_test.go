package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

func TestMain(m *testing.M) {
	testscript.Main(watchRaces(m), map[string]func(){program: main})
}

// TestScripts runs the scripts in testdata, one topic a file. They find models
// in the environment: the folders $BF16, $PACKED and $LLAMA, and of the first
// the file $I2S. $TEXT is what their perplexity was computed of, and $ESC
// clears a terminal. Beyond the commands of testscript they have
//
//	hub                       start a Hub and make it that of the environment
//	exit CODE bitnet-tool …   run, and compare the exit code
//	json PATH [VALUE]         stdout is one JSON object that fits its schema,
//	                          and the value at PATH (a/0/b) is VALUE
//	setkv IN OUT KEY FILE     copy a GGUF file with a text from FILE under KEY
//	settype IN OUT TENSOR N   copy one with another number as a tensor's type
//	odd OUT                   make a GGUF file with every kind of metadata
//	sparse OUT                make one of BitNet-b1.58-2B-4T's shape, without data
//	parts IN PREFIX N         write a file as parts of N tensors each
//	flip FILE OFFSET          turn over one bit of the byte at an offset
//	many OUT N                make one of N small tensors
//
// and the condition [race], the race detector, which does not see those of
// [unraced].
func TestScripts(t *testing.T) {
	bf16 := fixture.BF16(t)
	env := map[string]string{
		"BF16": bf16, "PACKED": fixture.Packed(t), "LLAMA": fixture.Llama(t),
		"I2S": quantized(t, bf16, quant.I2_S), "ESC": "\x1b[2J",
		"GORACE": os.Getenv("GORACE"),
	}
	text := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(text, fixture.Reference(t, "perplexity_text.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	env["TEXT"] = text
	schemas := compileSchemas(t)
	skip := unracedScripts(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			for k, v := range env {
				e.Setenv(k, v)
			}
			if why := skip[strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")]; raceEnabled && why != "" {
				e.T().Skip("not under the race detector: " + why)
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "race" {
				return raceEnabled, nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":    exitCmd,
			"hub":     hubCmd,
			"json":    schemas.jsonCmd,
			"setkv":   setkvCmd,
			"settype": settypeCmd,
			"odd":     oddCmd,
			"sparse":  sparseCmd,
			"parts":   partsCmd,
			"flip":    flipCmd,
			"many":    manyCmd,
		},
	})
}

// unraced names the scripts that are skipped under the race detector, by why
// it would find nothing in them that it finds nowhere else.
var unraced = []struct{ why, scripts string }{
	{"evaluates whole texts, which takes minutes", "baseline demo perplexity_reference verify verify_engine verify_junit"},
	{"compares arithmetic of package runtime", "kernel"},
	{"package convert's own tests convert likewise", "convert target"},
	{"is refused before there is work for several goroutines", "quantize_refuse"},
	{"reads flags and headers and prints, in one goroutine", "completion config diff estimate explain flags " +
		"help inspect inspect_odd man meta output tokenize version"},
}

// unracedScripts gives the reason by the script.
func unracedScripts(t *testing.T) map[string]string {
	t.Helper()
	why := map[string]string{}
	for _, u := range unraced {
		for name := range strings.FieldsSeq(u.scripts) {
			if _, err := os.Stat(filepath.Join("testdata", name+".txt")); err != nil {
				t.Error(err)
			}
			why[name] = u.why
		}
	}
	return why
}

// quantized converts a fixture.
func quantized(t *testing.T, src string, typ quant.Type) string {
	t.Helper()
	s, err := convert.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := s.Plan(t.Context(), convert.Options{Type: typ, Tool: "test"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if _, err := p.WriteFile(t.Context(), path, false, progress.Discard); err != nil {
		t.Fatal(err)
	}
	return path
}

func exitCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARGUMENTS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
