package zfsstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Limits of what is kept of a command's output, in bytes.
const (
	maxStderr = 64 << 10
	maxStdout = 64 << 20
)

// commands runs the programs of OpenZFS.
type commands struct{ zfs, zpool string } // absolute paths

// findCommands looks the programs up once. Debian keeps them where a user's
// PATH does not lead.
func findCommands() (commands, error) {
	find := func(name string) (string, error) {
		path, err := exec.LookPath(name)
		for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
			if err != nil {
				path, err = exec.LookPath(filepath.Join(dir, name))
			}
		}
		if err != nil {
			return "", fmt.Errorf("%w: there is no %s command; install OpenZFS (Debian: zfsutils-linux), or keep models in a folder with --dir", store.ErrUnavailable, name)
		}
		return filepath.Abs(path)
	}
	zfs, err := find("zfs")
	if err != nil {
		return commands{}, err
	}
	zpool, err := find("zpool")
	return commands{zfs, zpool}, err
}

// run starts a program with an environment of its own and returns what it
// printed. Every argument is a constant or has passed the grammar of names.
func run(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = ownGroup() // what Ctrl-C stops is decided by the context
	cmd.WaitDelay = 5 * time.Second
	stdout, stderr := limited{max: maxStdout}, limited{max: maxStderr}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", newCommandError(filepath.Base(program), args, stderr.kept.String(), err)
	case stdout.cut:
		return "", fmt.Errorf("zfs %s: more than %d bytes of output", args[0], maxStdout)
	}
	return stdout.kept.String(), nil
}

// zfs runs a zfs command whose output does not matter.
func (s *Store) zfs(ctx context.Context, args ...string) error {
	_, err := run(ctx, s.commands.zfs, args...)
	return err
}

// limited keeps the beginning of what is written to it.
type limited struct {
	kept bytes.Buffer // not embedded: its ReadFrom would know no limit
	max  int
	cut  bool
}

func (l *limited) Write(p []byte) (int, error) {
	keep := min(len(p), l.max-l.kept.Len())
	l.cut = l.cut || keep < len(p)
	l.kept.Write(p[:keep])
	return len(p), nil
}

// A file that another program has open for a moment, such as an indexer or a
// scanner for viruses, keeps a dataset from being unmounted.
const (
	busyWait = 5 * time.Second
	busyPoll = 100 * time.Millisecond
)

// untilFree repeats f while it finds something busy.
func untilFree(ctx context.Context, wait time.Duration, f func() error) error {
	deadline := time.Now().Add(wait)
	for {
		err := f()
		if !errors.Is(err, errBusy) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(busyPoll):
		}
	}
}

// errBusy and errExists are what callers tell apart of failed commands, beside
// the errors of package store.
var (
	errBusy   = fmt.Errorf("%w: busy", store.ErrLocked)
	errExists = errors.New("already exists")
)

// meanings tells by their words what failed commands mean: exit codes differ
// from version to version. The words are in libzfs of OpenZFS 2.1.11 and of
// 2.3.2; the first row that fits decides.
var meanings = []struct {
	words string
	err   error
}{
	{"does not exist", store.ErrNotFound},
	{"already exists", errExists},
	{"is busy", errBusy},
	{"permission denied", store.ErrUnavailable},
	{"out of space", store.ErrSpace},
	{"quota exceeded", store.ErrSpace},
	{"read-only", store.ErrUnavailable},
	{"read only", store.ErrUnavailable},
	{"modules are not loaded", store.ErrUnavailable}, // with how to load them
	{"modules cannot be auto-loaded", store.ErrUnavailable},
	{"/dev/zfs", store.ErrUnavailable},
	{"key not loaded", store.ErrUnavailable},
	{"I/O error", store.ErrUnavailable},
	{"I/O is currently suspended", store.ErrUnavailable},
}

// commandError is a command that failed.
type commandError struct {
	command string // its name and first argument
	said    string // to stderr
	err     error
	meaning error // of meanings, or nil
}

func newCommandError(program string, args []string, stderr string, err error) *commandError {
	e := &commandError{command: program + " " + args[0], said: strings.Join(strings.Fields(stderr), " "), err: err}
	for _, m := range meanings {
		if strings.Contains(stderr, m.words) {
			e.meaning = m.err
			break
		}
	}
	if errors.Is(err, exec.ErrNotFound) {
		e.meaning = store.ErrUnavailable // go-zfs looks in PATH only
	}
	return e
}

func (e *commandError) Error() string {
	said := e.said
	if said == "" {
		said = e.err.Error()
	}
	if e.meaning == nil {
		return e.command + ": " + said
	}
	return fmt.Sprintf("%v: %s: %s", e.meaning, e.command, said)
}

func (e *commandError) Unwrap() []error {
	if e.meaning == nil {
		return []error{e.err}
	}
	return []error{e.err, e.meaning}
}
