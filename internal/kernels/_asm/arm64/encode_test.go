package main

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestWords compares every word of the generated files with what GNU's assembler
// makes of the instruction beside it.
func TestWords(t *testing.T) {
	const prefix = "aarch64-linux-gnu-"
	for _, tool := range []string{"as", "objcopy"} {
		if _, err := exec.LookPath(prefix + tool); err != nil {
			t.Skipf("%v (Debian: binutils-aarch64-linux-gnu)", err)
		}
	}
	words := make(map[string]uint32)
	form := regexp.MustCompile(`WORD \$0x([0-9a-f]{8}) // (.*)\n`)
	files, err := filepath.Glob("../../*_arm64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no assembly: %v, %v", files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if all, understood := strings.Count(string(b), "WORD"), form.FindAllSubmatch(b, -1); all != len(understood) {
			t.Errorf("%s: %d of %d words have an instruction beside them", name, len(understood), all)
		}
		for _, m := range form.FindAllSubmatch(b, -1) {
			word, err := strconv.ParseUint(string(m[1]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			if w, ok := words[string(m[2])]; ok && w != uint32(word) {
				t.Errorf("%s is %08x and %08x", m[2], w, word)
			}
			words[string(m[2])] = uint32(word)
		}
	}
	var texts []string
	for text := range words {
		texts = append(texts, text)
	}
	slices.Sort(texts)

	dir := t.TempDir()
	source, object, binaryFile := dir+"/all.s", dir+"/all.o", dir+"/all.bin"
	if err := os.WriteFile(source, []byte(".arch armv8.2-a+dotprod\n"+strings.Join(texts, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"as", "-o", object, source}, {"objcopy", "-O", "binary", "-j", ".text", object, binaryFile}} {
		if out, err := exec.Command(prefix+args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	b, err := os.ReadFile(binaryFile)
	if err != nil || len(b) != 4*len(texts) {
		t.Fatalf("%d bytes of %d instructions, %v", len(b), len(texts), err)
	}
	for i, text := range texts {
		if want := binary.LittleEndian.Uint32(b[4*i:]); words[text] != want {
			t.Errorf("%s is %08x, want %08x", text, words[text], want)
		}
	}
	t.Logf("%d instructions", len(texts))
}

func TestRefused(t *testing.T) {
	for _, text := range []string{
		"frob v0.4s, v1.4s, v2.4s", "add v0.4s, v1.4s", "add v0.4s, v1.4s, v32.4s", "add v0.4s, v1.8h, v2.4s",
		"add v0.3s, v1.3s, v2.3s", "smull v0.8h, v1.16b, v2.16b", "smull2 v0.8h, v1.8b, v2.8b",
		"ushr v0.16b, v1.16b, #9", "shl v0.4s, v1.4s, #32", "fadd v0.8h, v1.8h, v2.8h", "fadd v0.4s, v1.4s, v2.s[0]", "xtn v0.8b, v1.4s",
	} {
		if word, err := encode(text); err == nil {
			t.Errorf("%s is %08x", text, word)
		}
	}
}
