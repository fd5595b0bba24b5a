package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/akadata/bitnet-tool/internal/token"
)

// A chat template is a program that came with a model. One that is not known
// runs in a process of its own, which ends when it takes too long or too much.
const (
	renderName  = "__render-template"
	maxRendered = 8 << 20 // the JSON of the answer, in bytes
)

// renderJob is what the other process reads.
type renderJob struct {
	Template string     `json:"template"`
	Chat     token.Chat `json:"chat"`
}

// render is a token.Renderer.
func render(ctx context.Context, template string, chat token.Chat) (string, error) {
	if token.KnownTemplate(template) {
		return token.RenderTemplate(ctx, template, chat)
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("%w: %w", token.ErrTemplate, err)
	}
	job, err := json.Marshal(renderJob{template, chat})
	if err != nil {
		return "", fmt.Errorf("%w: %w", token.ErrTemplate, err)
	}
	ctx, cancel := context.WithTimeout(ctx, renderSeconds*time.Second)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, renderName, "--json")
	cmd.Args[0] = program
	cmd.Env = []string{} // nothing of ours is its business
	cmd.Dir = os.TempDir()
	cmd.Stdin = bytes.NewReader(job)
	cmd.Stdout = &limitedBuffer{&out, maxRendered}
	err = cmd.Run()
	if ctx.Err() != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", fmt.Errorf("%w: not done after %d seconds", token.ErrTemplate, renderSeconds)
		}
		return "", ctx.Err()
	}
	var answer struct {
		OK    bool       `json:"ok"`
		Text  string     `json:"text"`
		Error *errorJSON `json:"error"`
	}
	switch jerr := json.Unmarshal(out.Bytes(), &answer); {
	case jerr == nil && answer.OK:
		return answer.Text, nil
	case jerr == nil && answer.Error != nil:
		return "", fmt.Errorf("%w: %s", token.ErrTemplate, answer.Error.Message)
	}
	return "", fmt.Errorf("%w: its process ended early, perhaps for more memory than %s: %w", token.ErrTemplate, humanBytes(renderMemory), err)
}

// limitedBuffer fails when more than left bytes are written.
type limitedBuffer struct {
	b    *bytes.Buffer
	left int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errors.New("too much output")
	}
	return l.b.Write(p)
}

// renderCommand is the other side of render.
func renderCommand() command {
	return command{
		name: renderName, hidden: true,
		about: "render the chat template on standard input, within narrow limits",
		run: func(ctx context.Context, c *call) (result, error) {
			if err := confine(); err != nil {
				return nil, err
			}
			var job renderJob
			if err := json.NewDecoder(io.LimitReader(c.stdin, 64<<20)).Decode(&job); err != nil {
				return nil, usagef("standard input: %w", err)
			}
			text, err := token.RenderTemplate(ctx, job.Template, job.Chat)
			return textResult{text}, err
		},
	}
}

// confine limits memory and processor time of this process for good. The limit
// is on writable memory: Go reserves far more address space than it uses.
func confine() error {
	debug.SetMemoryLimit(renderMemory / 2)
	for resource, n := range map[int]uint64{
		syscall.RLIMIT_DATA: renderMemory,
		syscall.RLIMIT_CPU:  renderSeconds + 1,
		syscall.RLIMIT_CORE: 0,
	} {
		var l syscall.Rlimit
		limit(&l.Cur, n)
		limit(&l.Max, n)
		if err := syscall.Setrlimit(resource, &l); err != nil {
			return fmt.Errorf("limit a template's process: %w", err)
		}
	}
	return nil
}

// limit sets a field whose type is not the same on all systems.
func limit[T int64 | uint64](field *T, n uint64) { *field = T(n) }
