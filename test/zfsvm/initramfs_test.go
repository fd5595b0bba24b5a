package zfsvm

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"testing"
)

// archive is what the kernel unpacks into its first file system: cpio in the
// "newc" format, https://www.kernel.org/doc/html/v6.1/driver-api/early-userspace/buffer-format.html.
type archive struct {
	bytes.Buffer
	dirs  map[string]bool
	inode int
}

// addFile puts a file of the host under a name in the guest.
func (a *archive) addFile(t *testing.T, name, hostPath string) {
	t.Helper()
	b, err := os.ReadFile(hostPath)
	if err != nil {
		t.Fatal(err)
	}
	a.add(name, b)
}

// add puts an executable file, and the folders it is in, into the archive.
func (a *archive) add(name string, content []byte) {
	a.addDir(path.Dir(name))
	a.entry(name, 0o100755, content)
}

func (a *archive) addDir(dir string) {
	if dir == "." || a.dirs[dir] {
		return
	}
	a.addDir(path.Dir(dir))
	a.entry(dir, 0o040755, nil)
	if a.dirs == nil {
		a.dirs = map[string]bool{}
	}
	a.dirs[dir] = true
}

// finish ends the archive and returns its bytes.
func (a *archive) finish() []byte {
	a.entry("TRAILER!!!", 0, nil)
	return a.Bytes()
}

func (a *archive) entry(name string, mode uint32, content []byte) {
	a.inode++
	const nlink, nameEnd = 1, 1
	a.WriteString("070701")
	for _, v := range []uint32{uint32(a.inode), mode, 0, 0, nlink, 0, uint32(len(content)), 0, 0, 0, 0, uint32(len(name) + nameEnd), 0} {
		fmt.Fprintf(a, "%08X", v)
	}
	a.WriteString(name + "\x00")
	a.pad()
	a.Write(content)
	a.pad()
}

func (a *archive) pad() {
	for a.Len()%4 != 0 {
		a.WriteByte(0)
	}
}

// newDisk makes a sparse disk image with one partition. A whole disk would not
// do: zpool puts a label on it and waits for udev, which the guest does not
// have, to make the nodes of its partitions.
func newDisk(t *testing.T, file string, size int64) {
	t.Helper()
	const sector, first = 512, 2048
	var mbr [sector]byte
	p := mbr[446:]
	copy(p, "\x00\xfe\xff\xff\xbf\xfe\xff\xff") // not bootable, no cylinders, Solaris
	le32 := func(b []byte, v int64) {
		for i := range 4 {
			b[i] = byte(v >> (8 * i))
		}
	}
	le32(p[8:], first)
	le32(p[12:], size/sector-first)
	mbr[510], mbr[511] = 0x55, 0xaa
	if err := os.WriteFile(file, mbr[:], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
}

// join writes files one after another into a new one.
func join(t *testing.T, target string, parts ...io.Reader) {
	t.Helper()
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, io.MultiReader(parts...)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
