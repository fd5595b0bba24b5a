//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/quant"
)

// terminal gives both ends of a pseudo terminal.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// screenOf collects what appears on a terminal.
type screenOf struct {
	t    *testing.T
	text chan string
	all  bytes.Buffer
}

// until waits for a text after what was waited for before.
func (s *screenOf) until(want string) {
	s.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		if i := strings.Index(s.all.String(), want); i >= 0 {
			s.all.Next(i + len(want))
			return
		}
		select {
		case text := <-s.text:
			s.all.WriteString(text)
		case <-timeout:
			s.t.Fatalf("no %q on the terminal, but %q", want, s.all.String())
		}
	}
}

// onTerminal starts the program with a terminal of its own. What keys is given
// is typed there.
func onTerminal(t *testing.T, env []string, args ...string) (cmd *exec.Cmd, s *screenOf, keys func(string)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Under this name the test binary is the program.
	path := filepath.Join(t.TempDir(), program)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	master, slave := terminal(t)
	cmd = exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	s = &screenOf{t: t, text: make(chan string)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			s.text <- string(buf[:n])
		}
	}()
	return cmd, s, func(text string) {
		if _, err := master.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTextTyped: who is waited for is told so.
func TestTextTyped(t *testing.T) {
	model := quantized(t, fixture.BF16(t), quant.I2_S)
	_, s, keys := onTerminal(t, nil, "tokenize", model, "--no-bos")
	s.until("end it with Ctrl-D")
	keys("a\n\x04")
	s.until(`"a"`)
}

// TestChatInterrupt types Ctrl-C: in an answer it ends that, between two it ends
// the program.
func TestChatInterrupt(t *testing.T) {
	model := quantized(t, fixture.BF16(t), quant.I2_S)
	// Slow, so that the answer lasts longer than it takes to press a key.
	cmd, s, keys := onTerminal(t, []string{"BITNET_TOOL_KERNEL=generic"},
		"run", model, "-cnv", "-n", "1000000", "-c", "512", "--ignore-eos", "--temp", "0", "-t", "1")
	s.until("> ")
	keys("Tell me Genesis 1:3.\n")
	s.until("And the LORD")
	keys("\x03")
	s.until("\n> ")
	keys("Hello\n")
	s.until("Hello\r\n")
	s.until(" ")
	keys("\x03")
	s.until("\n> ")
	keys("\x03")
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	go func() {
		for range s.text {
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the program goes on")
	}
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}
