package kernels_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAVX2Registers: a kernel for AVX2 must not touch what only AVX-512 has.
// Where a generator runs out of registers it takes the upper sixteen, and the
// assembler then encodes an instruction that faults on the machines the kernel
// is for.
func TestAVX2Registers(t *testing.T) {
	files, err := filepath.Glob("*_amd64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no assembly: %v, %v", files, err)
	}
	beyond := regexp.MustCompile(`\b(?:[XY](?:1[6-9]|2\d|3[01])|Z\d+|K[0-7])\b`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		in := ""
		for line := range strings.Lines(string(text)) {
			if f, ok := strings.CutPrefix(line, "TEXT ·"); ok {
				in, _, _ = strings.Cut(f, "(")
			}
			if strings.HasSuffix(in, "AVX2") && beyond.MatchString(line) {
				t.Errorf("%s: %s: %s", name, in, strings.TrimSpace(line))
			}
		}
	}
}
