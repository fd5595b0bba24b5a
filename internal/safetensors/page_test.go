package safetensors

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPage keeps docs/formats/safetensors.md true.
func TestPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/formats/safetensors.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)

	t.Run("example", func(t *testing.T) {
		_, block, _ := strings.Cut(page, "```hex\n")
		block, rest, _ := strings.Cut(block, "```\n")
		f, err := open(parseDump(t, block))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(map[string]string{"format": "pt"}, f.Metadata()); d != "" {
			t.Errorf("metadata (-want +got):\n%s", d)
		}
		var rows strings.Builder
		for _, tensor := range f.Tensors() {
			fmt.Fprintf(&rows, "| `%s` | %v | %v | %#x | %d | %s |\n",
				tensor.Name, tensor.DType, tensor.Shape, tensor.Offset, tensor.Size(), values(t, tensor))
		}
		_, table, _ := strings.Cut(rest, "|---|---|---|---|---|---|\n")
		if d := cmp.Diff(table, rows.String()); d != "" {
			t.Errorf("table (-page +got):\n%s", d)
		}
	})

	t.Run("limits", func(t *testing.T) {
		_, table, _ := strings.Cut(page, "| limit | value |\n|---|---|\n")
		table, _, _ = strings.Cut(table, "\n\n")
		var got []int
		for row := range strings.Lines(table + "\n") {
			n, err := strconv.Atoi(strings.ReplaceAll(strings.TrimSpace(strings.Split(row, "|")[2]), ",", ""))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, n)
		}
		want := []int{maxHeader, maxTensors, maxMetadata, maxRank, maxName, maxIndex, maxSetTensors, maxShards, maxIndexDepth}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-code +page):\n%s", d)
		}
	})

	t.Run("dtypes", func(t *testing.T) {
		_, list, _ := strings.Cut(page, "Bits of each type: ")
		list, _, _ = strings.Cut(list, ".\n")
		var want []string
		for d := BOOL; d.Bits() != 0; d++ {
			want = append(want, fmt.Sprintf("%v %d", d, d.Bits()))
		}
		if d := cmp.Diff(want, strings.Split(list, ", ")); d != "" {
			t.Errorf("(-code +page):\n%s", d)
		}
	})
}

// parseDump reads lines of offset, bytes in hexadecimal and their characters.
func parseDump(t *testing.T, dump string) []byte {
	t.Helper()
	line := regexp.MustCompile(`^([0-9a-f]{8})  ((?:[0-9a-f]{2} ?){1,16}) +\|(.*)\|\n$`)
	var file []byte
	for text := range strings.Lines(dump) {
		m := line.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no line of a dump: %q", text)
		}
		if at := fmt.Sprintf("%08x", len(file)); at != m[1] {
			t.Errorf("offset %s, want %s", m[1], at)
		}
		b, err := hex.DecodeString(strings.ReplaceAll(m[2], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		chars := []byte(string(b))
		for i, c := range chars {
			if c < ' ' || c > '~' {
				chars[i] = '.'
			}
		}
		if string(chars) != m[3] {
			t.Errorf("characters %q, want %q", m[3], chars)
		}
		file = append(file, b...)
	}
	return file
}

// values returns the elements of a BF16 or F32 tensor as text.
func values(t *testing.T, tensor Tensor) string {
	t.Helper()
	b := []byte(read(t, tensor))
	width := tensor.DType.Bits() / 8
	var all []string
	for ; len(b) > 0; b = b[width:] {
		x := make([]byte, 4)
		copy(x[4-width:], b) // a BF16 is the upper half of an F32
		all = append(all, fmt.Sprint(math.Float32frombits(binary.LittleEndian.Uint32(x))))
	}
	return strings.Join(all, " ")
}
