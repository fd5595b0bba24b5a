package interop

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/fixture"
)

// ggmlTypes are the numbers of ggml's enum ggml_type, and 36 for I2_S as in
// microsoft/BitNet's fork of it.
var ggmlTypes = map[string]int{"F32": 0, "F16": 1, "Q8_0": 8, "BF16": 30, "TQ1_0": 34, "TQ2_0": 35, "I2_S": 36}

// tensor is a tensor's entry in the directory of a file.
type tensor struct {
	Name   string  `json:"name"`
	Type   int     `json:"type"`
	Shape  []int64 `json:"shape"`
	Offset int64   `json:"offset"` // in bytes from the first tensor's
}

// inspection is what bitnet-tool says of a file.
type inspection struct {
	Version  int            `json:"version"`
	Metadata map[string]any `json:"metadata"`
	Tensors  []struct {
		Name   string  `json:"name"`
		Type   string  `json:"type"`
		Shape  []int64 `json:"shape"`
		Offset int64   `json:"offset"`
	} `json:"tensors"`
}

// reading is what npm @huggingface/gguf says of it.
type reading struct {
	Version  int                 `json:"version"`
	Tensors  []tensor            `json:"tensors"`
	Metadata map[string]metadata `json:"metadata"`
}

type metadata struct {
	Value any `json:"value"`
}

// TestGGUFIsRead compares what another reader finds in our files with what
// inspect says about them.
func TestGGUFIsRead(t *testing.T) {
	needPrograms(t)
	bin := buildTool(t)
	tests := []struct {
		name  string
		model func(testing.TB) string
		kinds string
	}{
		{"bitnet", fixture.BF16, "I2_S Q8_0 TQ1_0 TQ2_0 F16 BF16 F32"},
		{"packed", fixture.Packed, "I2_S"},
		{"llama", fixture.Llama, "Q8_0 F16"},
	}
	for _, tt := range tests {
		source := tt.model(t)
		for kind := range strings.FieldsSeq(tt.kinds) {
			t.Run(tt.name+"/"+kind, func(t *testing.T) {
				file := bin.quantize(t, source, kind)
				var ours inspection
				bin.run(t, &ours, "inspect", "--tensors", file)
				var theirs reading
				node(t, &theirs, nil, "gguf.mjs", file)
				compareReadings(t, ours, theirs)
			})
		}
	}
}

func compareReadings(t *testing.T, ours inspection, theirs reading) {
	t.Helper()
	if ours.Version != theirs.Version {
		t.Errorf("version %d, read as %d", ours.Version, theirs.Version)
	}
	want := make([]tensor, 0, len(ours.Tensors))
	for _, x := range ours.Tensors {
		number, ok := ggmlTypes[x.Type]
		if !ok {
			t.Errorf("tensor %s: type %s has no number", x.Name, x.Type)
		}
		want = append(want, tensor{x.Name, number, x.Shape, x.Offset})
	}
	if len(want) == 0 {
		t.Error("no tensors")
	}
	if diff := cmp.Diff(want, theirs.Tensors); diff != "" {
		t.Errorf("tensors (-ours +theirs):\n%s", diff)
	}

	keys := make(map[string]any, len(theirs.Metadata))
	for key, m := range theirs.Metadata {
		keys[key] = m.inspected()
	}
	if diff := cmp.Diff(ours.Metadata, keys, cmp.Comparer(sameFloat32)); diff != "" {
		t.Errorf("metadata (-ours +theirs):\n%s", diff)
	}
}

// inspected gives a value as inspect does: of an array of more than 64 elements
// the length and the digest of its bytes in the file.
func (m metadata) inspected() any {
	array, ok := m.Value.([]any)
	if !ok || len(array) <= 64 {
		return m.Value
	}
	h := sha256.New()
	kind := "?"
	for _, x := range array {
		switch v := x.(type) {
		case string:
			kind = "str"
			_ = binary.Write(h, binary.LittleEndian, uint64(len(v)))
			h.Write([]byte(v))
		case float64:
			kind = "i32"
			_ = binary.Write(h, binary.LittleEndian, int32(v))
		}
	}
	return map[string]any{"type": kind, "count": float64(len(array)), "sha256": fmt.Sprintf("sha256:%x", h.Sum(nil))}
}

// sameFloat32 compares numbers as float32: one program prints a float32 in the
// fewest digits, the other as the double it equals.
func sameFloat32(a, b float64) bool {
	return a == b || math.Float32bits(float32(a)) == math.Float32bits(float32(b))
}
