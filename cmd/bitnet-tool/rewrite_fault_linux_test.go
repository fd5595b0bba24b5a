package main

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/quant"
)

// rewriting is one call of a command that makes files of a GGUF file.
type rewriting struct {
	name string
	args []string
	made []string // what appears, in no order
}

// The source is m.gguf; of meta, which replaces it, it is c.gguf.
var rewritings = []rewriting{
	{"convert", []string{"convert", "m.gguf", "-o", "out.gguf", "--to", "TQ2_0"}, []string{"out.gguf"}},
	{"safetensors", []string{"convert", "model.gguf", "-o", "folder", "--to", "safetensors"}, []string{"folder"}},
	{"quantize", []string{"quantize", "model.gguf", "q.gguf", "Q8_0"}, []string{"q.gguf"}},
	{"split", []string{"split", "m.gguf"}, []string{"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}},
	{"merge", []string{"merge", "p-00001-of-00002.gguf"}, []string{"p.gguf"}},
	{"meta", []string{"meta", "set", "c.gguf", "general.name:str=other"}, []string{"c.gguf"}},
}

// rewritingFiles gives the sources.
func rewritingFiles(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	many := ternaryFile(t, 132)
	for _, name := range []string{"m.gguf", "p.gguf", "c.gguf"} {
		if err := os.WriteFile(filepath.Join(dir, name), many, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(quantized(t, fixture.BF16(t), quant.I2_S), filepath.Join(dir, "model.gguf")); err != nil {
		t.Fatal(err)
	}
	if out, err := tool(dir, "split", "p.gguf").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files := contents(t, dir)
	delete(files, "p.gguf")
	return files
}

func writeAll(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func tool(dir string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Dir = dir
	return c
}

// ternaryFile gives a GGUF file of n I2_S tensors of 32 KiB.
func ternaryFile(t *testing.T, n int) []byte {
	t.Helper()
	m := &gguf.Meta{}
	m.Set("general.architecture", "odd")
	m.Set(gguf.LayoutKey, "128x32")
	infos := make([]gguf.TensorInfo, n)
	for i := range infos {
		infos[i] = gguf.TensorInfo{Name: "w." + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26)), Dims: []int64{1024, 128}, Type: quant.I2_S}
	}
	l, err := gguf.NewLayout(m, infos)
	if err != nil {
		t.Fatal(err)
	}
	b := bytes.Repeat([]byte{0x19}, int(l.FileSize)) // codes 0, 1, 2, 1
	copy(b, l.Header)
	c, _ := quant.Lookup(quant.I2_S)
	for _, x := range l.Tensors {
		end := l.DataOffset + x.Offset + x.Size
		if err := c.PutTrailer(b[end-32:end], 0.5); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// contents gives the files of a folder by their path, those of folders too.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// under picks what a command makes: files of that name, or in a folder of it.
func under(files map[string]string, made []string) map[string]string {
	out := map[string]string{}
	for name, b := range files {
		for _, m := range made {
			if name == m || strings.HasPrefix(name, m+"/") {
				out[name] = b
			}
		}
	}
	return out
}

// Whatever the moment of a kill -9, a name leads to a whole file or to none. Of
// a set of parts some may be there, but then not the first, which stands for all.
func TestKilledWhileRewriting(t *testing.T) {
	const rounds = 8
	if testing.Short() || raceEnabled {
		t.Skip("kills many processes, and shows no race that the scripts do not")
	}
	files := rewritingFiles(t)
	for _, r := range rewritings {
		t.Run(r.name, func(t *testing.T) {
			dir := t.TempDir()
			writeAll(t, dir, files)
			before := under(contents(t, dir), r.made)
			start := time.Now()
			if out, err := tool(dir, r.args...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			took := time.Since(start)
			want := under(contents(t, dir), r.made)
			reset := func() {
				for _, m := range r.made {
					if err := os.RemoveAll(filepath.Join(dir, m)); err != nil {
						t.Fatal(err)
					}
				}
				writeAll(t, dir, before)
			}
			killed := 0
			for range rounds {
				reset()
				c := tool(dir, r.args...)
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(rand.Float64() * 1.1 * float64(took)))
				c.Process.Kill()
				if c.Wait() != nil {
					killed++
				}
				got := under(contents(t, dir), r.made)
				for name, b := range got {
					if b != want[name] && b != before[name] {
						t.Fatalf("%s: %d bytes, whole %d", name, len(b), len(want[name]))
					}
				}
				if r.name != "split" && len(got) != 0 && len(got) != len(want) {
					t.Fatalf("%d of %d files", len(got), len(want))
				}
				if _, first := got[r.made[0]]; first && len(got) != len(want) {
					t.Fatalf("the first is there, others are not: %d of %d", len(got), len(want))
				}
			}
			t.Logf("killed %d times of %d within %v", killed, rounds, took)
		})
	}
}

// A full disk, a file that may not grow and a folder that cannot be written to
// are errors of the environment, and leave nothing.
func TestNoRoomForRewriting(t *testing.T) {
	files := rewritingFiles(t)
	for _, r := range rewritings {
		t.Run(r.name+", file size limit", func(t *testing.T) {
			dir := t.TempDir()
			writeAll(t, dir, files)
			c := exec.Command("sh", "-c", "ulimit -f 500; exec \"$@\"", "sh", program) // 250 or 500 KiB
			c.Args = append(c.Args, r.args...)
			c.Dir = dir
			out, err := c.CombinedOutput()
			if code := c.ProcessState.ExitCode(); code != 8 {
				t.Fatalf("exit code %d, %v: %s", code, err, out)
			}
			sameFolder(t, files, contents(t, dir))
		})
		t.Run(r.name+", full disk", func(t *testing.T) {
			dir := t.TempDir()
			if os.Geteuid() != 0 {
				t.Skip("only root can mount a small file system")
			}
			if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
				t.Skipf("cannot mount a small file system: %v", err)
			}
			t.Cleanup(func() { syscall.Unmount(dir, 0) })
			writeAll(t, dir, files)
			fill(t, filepath.Join(dir, "zz"), 100<<10)
			before := contents(t, dir)
			c := tool(dir, r.args...)
			out, err := c.CombinedOutput()
			if code := c.ProcessState.ExitCode(); code != 8 {
				t.Fatalf("exit code %d, %v: %s", code, err, out)
			}
			sameFolder(t, before, contents(t, dir))

			if err := os.Remove(filepath.Join(dir, "zz")); err != nil {
				t.Fatal(err)
			}
			delete(before, "zz")
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			c = tool(dir, r.args...)
			out, err = c.CombinedOutput()
			if code := c.ProcessState.ExitCode(); code != 8 {
				t.Fatalf("read-only: exit code %d, %v: %s", code, err, out)
			}
			sameFolder(t, before, contents(t, dir))
		})
	}
}

// fill writes until all but spare bytes of a file system are taken.
func fill(t *testing.T, path string, spare int64) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &st); err != nil {
		t.Fatal(err)
	}
	free := int64(st.Bavail) * st.Bsize
	if err := os.WriteFile(path, make([]byte, free-spare), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sameFolder(t *testing.T, want, got map[string]string) {
	t.Helper()
	for name, b := range got {
		if old, ok := want[name]; !ok || old != b {
			t.Errorf("%s: %d bytes are left, before %d", name, len(b), len(old))
		}
	}
	if len(got) < len(want) {
		t.Errorf("%d files, before %d", len(got), len(want))
	}
}
