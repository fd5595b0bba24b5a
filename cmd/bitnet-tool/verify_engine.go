package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxEngineOutput bounds what another program may print.
const maxEngineOutput = 1 << 20

// engineFlags make programs of llama.cpp continue a text and print nothing
// else. Old ones do not know all of them, and end at a flag that they do not
// know; so those are passed that the program's --help names.
var engineFlags = [][]string{
	{"-no-cnv"}, // else a chat begins if the model has a template
	{"--no-display-prompt"},
	{"--simple-io"}, // no colours, no cursor
	{"--no-warmup"},
	{"--repeat-penalty", "1"}, // 1.1 in programs of 2023, also without temperature
}

// engine is another program that evaluates models, called as llama.cpp's
// llama-cli is.
type engine struct {
	argv  []string // as the user gave it
	flags []string // of engineFlags; after ask
	asked bool
}

// otherEngine prepares to call a program. command is the program and flags of
// its own, divided by spaces.
func otherEngine(command string) (func(ctx context.Context, path, prompt string, n int) (string, error), error) {
	argv := strings.Fields(command)
	if len(argv) == 0 {
		return nil, usagef("--engine is empty")
	}
	if _, err := exec.LookPath(argv[0]); err != nil {
		return nil, failf(exitNotFound, "--engine: %w", err)
	}
	return (&engine{argv: argv}).answer, nil
}

func (e *engine) answer(ctx context.Context, path, prompt string, n int) (string, error) {
	e.ask(ctx)
	args := append(slices.Clone(e.flags), "-m", path, "-p", prompt, "-n", strconv.Itoa(n), "--temp", "0")
	out, err := e.run(ctx, args...)
	if err != nil {
		return "", err
	}
	return said(out), nil
}

// ask finds out which flags the program knows. One that has no help gets none.
func (e *engine) ask(ctx context.Context) {
	if e.asked {
		return
	}
	e.asked = true
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	help, err := e.run(ctx, "--help")
	if err != nil {
		return
	}
	words := strings.FieldsFunc(help, func(r rune) bool { return strings.ContainsRune(" ,\t\r\n", r) })
	for _, f := range engineFlags {
		if slices.Contains(words, f[0]) && !slices.Contains(e.argv, f[0]) {
			e.flags = append(e.flags, f...)
		}
	}
}

// run gives what the program prints.
func (e *engine) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, e.argv[0], slices.Concat(e.argv[1:], args)...)
	cmd.WaitDelay = time.Second // for children that keep its output open
	var out bytes.Buffer
	var log firstBytes
	cmd.Stdout, cmd.Stderr = &limitedBuffer{&out, maxEngineOutput}, &log
	err := cmd.Run()
	if strings.Contains(string(log)+out.String(), chatOnly) {
		return "", fmt.Errorf("%s can only chat: give llama-completion, which is built beside it", e.argv[0])
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		return "", fmt.Errorf("%s ended with %s%s", e.argv[0], exit.ProcessState, complaint(string(log)))
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", e.argv[0], err)
	}
	return out.String(), nil
}

// firstBytes keeps the beginning of what is written.
type firstBytes []byte

func (f *firstBytes) Write(p []byte) (int, error) {
	*f = append(*f, p[:min(len(p), maxEngineOutput-len(*f))]...)
	return len(p), nil
}

// chatOnly is what the llama-cli that cannot continue a text says to -no-cnv,
// before it prints its prompt for ever (ggml-org/llama.cpp, tools/cli/cli.cpp).
const chatOnly = "please use llama-completion instead"

// complaint finds the line with which a program says why it ended: the first
// that has an error, else the last.
func complaint(log string) string {
	lines := strings.FieldsFunc(log, func(r rune) bool { return r == '\n' || r == '\r' })
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "" })
	if len(lines) == 0 {
		return ""
	}
	i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(strings.ToLower(l), "error") })
	if i < 0 {
		i = len(lines) - 1
	}
	return fmt.Sprintf(": %.200s", strings.TrimSpace(escapes.ReplaceAllString(lines[i], "")))
}

// escapes are the sequences that colour a terminal (ECMA-48 §5.4).
var escapes = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

// said takes off what llama-cli prints after an answer (ggml-org/llama.cpp,
// tools/completion/completion.cpp, once examples/main/main.cpp).
func said(out string) string {
	out = strings.TrimRight(escapes.ReplaceAllString(out, ""), " \r\n")
	for _, mark := range []string{"> EOF by user", "[end of text]"} {
		out = strings.TrimRight(strings.TrimSuffix(out, mark), " \r\n")
	}
	return out
}
