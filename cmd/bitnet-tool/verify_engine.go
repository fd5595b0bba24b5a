package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// maxEngineOutput bounds what another program may print.
const maxEngineOutput = 1 << 20

// otherEngine calls a program with the flags of llama.cpp's llama-cli. command
// is the program and flags of its own, divided by spaces.
func otherEngine(command string) (func(ctx context.Context, path, prompt string, n int) (string, error), error) {
	argv := strings.Fields(command)
	if len(argv) == 0 {
		return nil, usagef("--engine is empty")
	}
	if _, err := exec.LookPath(argv[0]); err != nil {
		return nil, failf(exitNotFound, "--engine: %w", err)
	}
	return func(ctx context.Context, path, prompt string, n int) (string, error) {
		args := append(append([]string{}, argv[1:]...), "-m", path, "-p", prompt, "-n", strconv.Itoa(n), "--temp", "0")
		cmd := exec.CommandContext(ctx, argv[0], args...)
		var out bytes.Buffer
		cmd.Stdout = &limitedBuffer{&out, maxEngineOutput}
		if err := cmd.Run(); err != nil {
			if e, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
				return "", fmt.Errorf("%s ended with %s", argv[0], e.ProcessState)
			}
			return "", fmt.Errorf("%s: %w", argv[0], err)
		}
		return out.String(), nil
	}, nil
}
