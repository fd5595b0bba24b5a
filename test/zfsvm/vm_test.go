// Package zfsvm runs tests on real OpenZFS in a small virtual machine, so that
// neither the machine at hand nor its kernel needs any: setup.sh downloads a
// kernel of Debian and compiles OpenZFS for it, once; QEMU runs it, emulating
// the processor.
//
// Start the tests by "./check zfs"; without it they are skipped. To run commands
// of your own in the machine, beside bitnet-tool and with an empty disk:
//
//	ZFSVM_RUN='zpool create tank /dev/vda1 && zpool status' go test -v -run ByHand ./test/zfsvm
//
// With ZFSVM_ZFS=backports the machine has OpenZFS 2.3.
package zfsvm

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// machine is the directory that setup.sh prints.
type machine string

// setUp prepares the virtual machine, or skips the test.
func setUp(t *testing.T) machine {
	t.Helper()
	if os.Getenv("BITNET_TOOL_ZFSVM") == "" {
		t.Skip("needs real OpenZFS in a virtual machine: run ./check zfs")
	}
	cmd := exec.CommandContext(t.Context(), "./setup.sh")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("setup.sh: %v", err)
	}
	m := machine(strings.TrimSpace(string(out)))
	info, err := os.ReadFile(m.file("info"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", info)
	return m
}

func (m machine) file(name string) string { return filepath.Join(string(m), name) }

// boot is one run of the machine.
type boot struct {
	Script  string            // for sh; its directory is /payload
	Files   map[string]string // below /payload, by their paths on the host
	Disks   []string          // raw images: /dev/vda, /dev/vdb …
	Timeout time.Duration

	// CutAt, if not nil, is asked for each line of output. At the first true
	// the power is cut: the machine is killed, and what the guest had not
	// written to its disks is gone.
	CutAt func(line string) bool
}

// exitLine begins the last line of output, written by init.
const exitLine = "zfsvm: exit "

// run boots the machine and waits for its end. cut tells that CutAt was true;
// otherwise anything but exit status 0 ends the test.
func (m machine) run(t *testing.T, b boot) (output string, cut bool) {
	t.Helper()
	dir := t.TempDir()
	initrd := filepath.Join(dir, "initrd")
	m.pack(t, initrd, b)

	// t.TempDir is too long for the name of a socket.
	short, err := os.MkdirTemp("", "zfsvm")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	socket, console := filepath.Join(short, "out"), filepath.Join(dir, "console")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()

	ctx, cancel := context.WithTimeout(t.Context(), b.Timeout)
	defer cancel()
	var said bytes.Buffer
	cmd := m.qemu(ctx, initrd, socket, console, b.Disks)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := accept(listener, 2*time.Minute)
	if err != nil {
		cancel()
		t.Fatalf("QEMU: %v\n%s", errors.Join(err, cmd.Wait()), said.Bytes())
	}
	defer conn.Close()
	out, status, cut := follow(io.TeeReader(conn, t.Output()), b.CutAt)
	if cut {
		cancel()
	}
	err = cmd.Wait()
	switch {
	case cut:
		// The rest of what it had said is of no interest.
	case ctx.Err() != nil:
		t.Fatalf("the machine did not end within %v\n%s", b.Timeout, tail(console))
	case status < 0:
		t.Fatalf("the machine ended without a status: %v\n%s\n%s", err, said.Bytes(), tail(console))
	case status != 0:
		t.Fatalf("exit status %d in the machine", status)
	}
	return out, cut
}

// pack writes the machine's first file system: the cached one, and over it
// this run's files.
func (m machine) pack(t *testing.T, initrd string, b boot) {
	t.Helper()
	var a archive
	a.addFile(t, "init", "init")
	a.add("payload/run", []byte(b.Script))
	for name, path := range b.Files {
		a.addFile(t, "payload/"+name, path)
	}
	cached, err := os.Open(m.file("initramfs"))
	if err != nil {
		t.Fatal(err)
	}
	defer cached.Close()
	join(t, initrd, cached, bytes.NewReader(a.finish()))
}

// qemu is the command that runs the machine. It always emulates: with KVM a
// test would behave differently from one developer to the next. A second
// processor made each zfs command cost half as much time again of the host's.
//
// What the emulator is slow at is left out, which takes a fifth less time:
// string instructions, which it does byte by byte and the kernel would clear
// and copy pages with, page tables of five levels, and the clearing of all
// memory that is given out.
func (m machine) qemu(ctx context.Context, initrd, socket, console string, disks []string) *exec.Cmd {
	q := filepath.Join(filepath.Dir(string(m)), "qemu")
	args := []string{
		"-M", "pc", "-accel", "tcg,tb-size=256", "-cpu", "max,-erms,-fsrm", "-smp", "1", "-m", "2048",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-L", q + "/usr/share/qemu", "-L", q + "/usr/share/seabios",
		"-kernel", m.file("vmlinuz"), "-initrd", initrd,
		// Without no_timer_check a loaded host makes the kernel stop at times
		// with "IO-APIC + timer doesn't work!".
		"-append", "console=ttyS0,115200 quiet loglevel=4 panic=-1 reboot=t no_timer_check random.trust_cpu=on mitigations=off cryptomgr.notests init_on_alloc=0 no5lvl nokaslr",
		"-chardev", "file,id=console,path=" + console, "-serial", "chardev:console",
		"-device", "virtio-serial-pci", "-chardev", "socket,id=out,path=" + socket, "-device", "virtserialport,chardev=out,name=out",
	}
	for i, disk := range disks {
		args = append(args, "-drive", fmt.Sprintf("file=%s,if=none,id=d%d,format=raw,cache=writeback,discard=unmap,detect-zeroes=unmap", disk, i),
			"-device", fmt.Sprintf("virtio-blk-pci,drive=d%d", i))
	}
	cmd := exec.CommandContext(ctx, q+"/usr/bin/qemu-system-x86_64", args...)
	cmd.Env = append(os.Environ(),
		"LD_LIBRARY_PATH="+q+"/usr/lib/x86_64-linux-gnu:"+q+"/lib/x86_64-linux-gnu",
		"QEMU_MODULE_DIR="+q+"/usr/lib/x86_64-linux-gnu/qemu")
	return cmd
}

func accept(l net.Listener, wait time.Duration) (net.Conn, error) {
	if err := l.(*net.UnixListener).SetDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	return l.Accept()
}

// follow collects lines until the output ends or cutAt is true. The status is
// negative if none was there.
func follow(r io.Reader, cutAt func(string) bool) (out string, status int, cut bool) {
	var b strings.Builder
	status = -1
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if n, ok := strings.CutPrefix(line, exitLine); ok {
			if n, err := strconv.Atoi(n); err == nil {
				status = n
			}
			continue
		}
		b.WriteString(line + "\n")
		if cutAt != nil && cutAt(line) {
			return b.String(), status, true
		}
	}
	return b.String(), status, false
}

// tail is the end of the kernel's console.
func tail(file string) []byte {
	b, err := os.ReadFile(file)
	if err != nil {
		return []byte(err.Error())
	}
	return b[max(0, len(b)-4096):]
}
