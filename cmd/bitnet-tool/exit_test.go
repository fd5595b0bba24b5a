package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
	"github.com/akadata/bitnet-tool/verify"
)

func TestCodeOf(t *testing.T) {
	path := func(err error) error { return &fs.PathError{Op: "open", Path: "f", Err: err} }
	tests := []struct {
		name string
		err  error
		code exitCode
		id   string
	}{
		{"nothing", nil, 0, "ok"},
		{"unclassified", errors.New("x"), 1, "error"},
		{"usage", usagef("x"), 2, "usage"},
		{"option of convert", convert.ErrOption, 2, "usage"},
		{"option of runtime", runtime.ErrOption, 2, "usage"},
		{"option of verify", verify.ErrOption, 2, "usage"},
		{"context full", runtime.ErrContextFull, 2, "usage"},
		{"partial", failf(exitPartial, "x: %w", fs.ErrNotExist), 3, "partial"},
		{"GGUF", gguf.ErrFormat, 4, "bad-artifact"},
		{"safetensors", safetensors.ErrFormat, 4, "bad-artifact"},
		{"safetensors changed", safetensors.ErrChanged, 4, "bad-artifact"},
		{"checkpoint", convert.ErrTensors, 4, "bad-artifact"},
		{"parameters", arch.ErrParams, 4, "bad-artifact"},
		{"codes", quant.ErrCode, 4, "bad-artifact"},
		{"vocabulary", token.ErrFormat, 4, "bad-artifact"},
		{"template", token.ErrTemplate, 4, "bad-artifact"},
		{"model", runtime.ErrModel, 4, "bad-artifact"},
		{"model changed", runtime.ErrFileChanged, 4, "bad-artifact"},
		{"logits", runtime.ErrNotFinite, 4, "bad-artifact"},
		{"no file", path(syscall.ENOENT), 5, "not-found"},
		{"file for a folder", path(syscall.ENOTDIR), 5, "not-found"},
		{"file exists", path(syscall.EEXIST), 6, "refused"},
		{"not ternary", &convert.NotTernaryError{}, 6, "refused"},
		{"scale mode", convert.ErrScaleMode, 6, "refused"},
		{"architecture", arch.ErrUnsupported, 7, "unsupported"},
		{"conversion", convert.ErrUnsupported, 7, "unsupported"},
		{"tokenizer", token.ErrUnsupported, 7, "unsupported"},
		{"could not check", verify.ErrUnchecked, 7, "unsupported"},
		{"no space", path(syscall.ENOSPC), 8, "environment"},
		{"quota", path(syscall.EDQUOT), 8, "environment"},
		{"no permission", path(syscall.EACCES), 8, "environment"},
		{"read-only", path(syscall.EROFS), 8, "environment"},
		{"canceled", context.Canceled, 130, "interrupted"},
		{"SIGINT", &signalError{syscall.SIGINT}, 130, "interrupted"},
		{"SIGTERM", &signalError{syscall.SIGTERM}, 143, "interrupted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err
			if err != nil {
				err = fmt.Errorf("wrapped: %w", err)
			}
			if got := codeOf(err); got != tt.code || got.id() != tt.id {
				t.Errorf("code %d %s, want %d %s", got, got.id(), tt.code, tt.id)
			}
		})
	}
}

func TestFailure(t *testing.T) {
	_, missing := os.Open("/no/such/file")
	tests := []struct {
		name               string
		err                error
		rule, object, hint string
	}{
		{"plain", errors.New("x"), "error", "", ""},
		{"path", missing, "not-found", "/no/such/file", ""},
		{"hint around a code", hinted(failf(exitRefused, "x"), "type %d", 1), "refused", "", "type 1"},
		{"hint inside", fmt.Errorf("y: %w", failf(exitRefused, "x").suggest("type 2")), "refused", "", "type 2"},
		{"rule and object", fmt.Errorf("y: %w", &failure{err: errors.New("x"), rule: "a.b", object: "o"}), "a.b", "o", ""},
		{"object before the path", &failure{err: missing, object: "o"}, "not-found", "o", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if rule, object, hint := ruleOf(tt.err), objectOf(tt.err), hintOf(tt.err); rule != tt.rule || object != tt.object || hint != tt.hint {
				t.Errorf("rule %q, object %q, hint %q", rule, object, hint)
			}
		})
	}
}
