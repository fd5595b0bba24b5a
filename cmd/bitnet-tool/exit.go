package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/bundle"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/synth"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
	"github.com/akadata/bitnet-tool/verify"
)

// exitCode is the status of the process. The numbers are frozen; docs/guide
// lists them.
type exitCode int

const (
	exitOK          exitCode = 0
	exitError       exitCode = 1
	exitUsage       exitCode = 2
	exitPartial     exitCode = 3
	exitBadArtifact exitCode = 4
	exitNotFound    exitCode = 5
	exitRefused     exitCode = 6
	exitUnsupported exitCode = 7
	exitEnvironment exitCode = 8
	exitRemote      exitCode = 9
	exitLocked      exitCode = 10
	exitAuth        exitCode = 12
	exitInterrupted exitCode = 130 // SIGINT
	exitTerminated  exitCode = 143 // SIGTERM
)

// id gives the name of the code in JSON.
func (c exitCode) id() string {
	switch c {
	case exitOK:
		return "ok"
	case exitUsage:
		return "usage"
	case exitPartial:
		return "partial"
	case exitBadArtifact:
		return "bad-artifact"
	case exitNotFound:
		return "not-found"
	case exitRefused:
		return "refused"
	case exitUnsupported:
		return "unsupported"
	case exitEnvironment:
		return "environment"
	case exitRemote:
		return "remote"
	case exitLocked:
		return "locked"
	case exitAuth:
		return "auth"
	case exitInterrupted, exitTerminated:
		return "interrupted"
	}
	return "error"
}

// exitOf gives the code for the errors that packages tell apart; the first row
// that an error wraps decides. An error with a code of its own is a [failure].
var exitOf = []struct {
	err  error
	code exitCode
}{
	// The store's own come first: they say what an error of the file system
	// beneath means.
	{bundle.ErrFormat, exitBadArtifact},
	{store.ErrName, exitUsage},
	{store.ErrDamaged, exitBadArtifact},
	{store.ErrSource, exitBadArtifact},
	{store.ErrIncomplete, exitBadArtifact},
	{store.ErrNotFound, exitNotFound},
	{store.ErrConflict, exitRefused},
	{store.ErrProtected, exitRefused},
	{store.ErrUnsupported, exitUnsupported},
	{store.ErrSpace, exitEnvironment},
	{store.ErrUnavailable, exitEnvironment},
	{store.ErrLocked, exitLocked},
	{fs.ErrNotExist, exitNotFound},
	{syscall.ENOTDIR, exitNotFound},
	{syscall.ELOOP, exitNotFound},
	{syscall.ENAMETOOLONG, exitNotFound},
	{fs.ErrExist, exitRefused},
	{fs.ErrPermission, exitEnvironment},
	{syscall.EROFS, exitEnvironment},
	{syscall.ENOSPC, exitEnvironment},
	{syscall.EDQUOT, exitEnvironment},
	{syscall.EFBIG, exitEnvironment},
	{syscall.EMFILE, exitEnvironment},
	{syscall.ENOMEM, exitEnvironment},
	{gguf.ErrFormat, exitBadArtifact},
	{gguf.ErrChanged, exitBadArtifact},
	{gguf.ErrNotFirst, exitUsage},
	{gguf.ErrParts, exitBadArtifact},
	{gguf.ErrUnsupported, exitUnsupported},
	{quant.ErrCode, exitBadArtifact},
	{quant.ErrRange, exitBadArtifact},
	{safetensors.ErrFormat, exitBadArtifact},
	{safetensors.ErrChanged, exitBadArtifact},
	{arch.ErrParams, exitBadArtifact},
	{arch.ErrUnsupported, exitUnsupported},
	{convert.ErrOption, exitUsage},
	{convert.ErrTensors, exitBadArtifact},
	{convert.ErrScaleMode, exitRefused},
	{convert.ErrNotTernary, exitRefused},
	{convert.ErrUnsupported, exitUnsupported},
	{convert.ErrLayout, exitUnsupported},
	{token.ErrFormat, exitBadArtifact},
	{token.ErrTemplate, exitBadArtifact},
	{token.ErrUnsupported, exitUnsupported},
	{runtime.ErrModel, exitBadArtifact},
	{runtime.ErrFileChanged, exitBadArtifact},
	{runtime.ErrNotFinite, exitBadArtifact},
	{runtime.ErrOption, exitUsage},
	{runtime.ErrContextFull, exitUsage},
	{synth.ErrOption, exitUsage},
	{verify.ErrOption, exitUsage},
	{verify.ErrBaseline, exitUsage},
	{hfhub.ErrName, exitUsage},
	{hfhub.ErrDigest, exitBadArtifact},
	{hfhub.ErrHostilePath, exitBadArtifact},
	{hfhub.ErrDamaged, exitBadArtifact},
	{hfhub.ErrNotFound, exitNotFound},
	{hfhub.ErrOffline, exitNotFound},
	{hfhub.ErrDisabled, exitRefused},
	{hfhub.ErrShared, exitUnsupported},
	{hfhub.ErrRateLimited, exitRemote},
	{hfhub.ErrNotHub, exitRemote},
	{hfhub.ErrRemote, exitRemote},
	{hfhub.ErrGated, exitAuth},
	{hfhub.ErrAuth, exitAuth},
	{context.Canceled, exitInterrupted},
	{verify.ErrUnchecked, exitUnsupported},
}

// codeOf decides the exit code of an error.
func codeOf(err error) exitCode {
	if err == nil {
		return exitOK
	}
	if s, ok := errors.AsType[*signalError](err); ok {
		return s.code()
	}
	if code := first(err, func(f *failure) exitCode { return f.code }); code != exitOK {
		return code
	}
	for _, row := range exitOf {
		if errors.Is(err, row.err) {
			return row.code
		}
	}
	return exitError
}
