package convert_test

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/akadata/bitnet-tool/internal/fixture"
)

// rawTensor is a tensor of a checkpoint under construction.
type rawTensor struct {
	DType string
	Shape []int64
	Data  []byte
}

// readTensors gives all tensors of a safetensors file that a test may change.
func readTensors(t *testing.T, path string) map[string]rawTensor {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(b)
	var header map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+n], &header); err != nil {
		t.Fatal(err)
	}
	out := map[string]rawTensor{}
	for name, raw := range header {
		if name == "__metadata__" {
			continue
		}
		var e struct {
			DType   string   `json:"dtype"`
			Shape   []int64  `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		out[name] = rawTensor{e.DType, e.Shape, slices.Clone(b[8+int64(n)+e.Offsets[0] : 8+int64(n)+e.Offsets[1]])}
	}
	return out
}

func writeTensors(t *testing.T, path string, ts map[string]rawTensor) {
	t.Helper()
	header := map[string]any{}
	var data []byte
	for _, name := range slices.Sorted(maps.Keys(ts)) {
		x := ts[name]
		header[name] = map[string]any{
			"dtype": x.DType, "shape": x.Shape,
			"data_offsets": []int{len(data), len(data) + len(x.Data)},
		}
		data = append(data, x.Data...)
	}
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(h)))
	if err := os.WriteFile(path, slices.Concat(b, h, data), 0o666); err != nil {
		t.Fatal(err)
	}
}

// editTensors changes the weights of a checkpoint.
func editTensors(t *testing.T, dir string, edit func(ts map[string]rawTensor)) {
	t.Helper()
	path := filepath.Join(dir, "model.safetensors")
	ts := readTensors(t, path)
	edit(ts)
	writeTensors(t, path, ts)
}

// editConfig changes the config.json of a checkpoint.
func editConfig(t *testing.T, dir string, edit func(c map[string]any)) {
	t.Helper()
	path := filepath.Join(dir, "config.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	edit(c)
	if b, err = json.Marshal(c); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func bf16(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, uint16(math.Float32bits(v)>>16))
	}
	return b
}

// oneLayer cuts the packed fixture down to one layer, for tests that make many
// checkpoints.
func oneLayer(t *testing.T, dir string) string {
	t.Helper()
	editConfig(t, dir, func(c map[string]any) { c["num_hidden_layers"] = 1 })
	editTensors(t, dir, func(ts map[string]rawTensor) {
		for name := range ts {
			for _, layer := range []string{"1", "2", "3"} {
				if ok, _ := filepath.Match("model.layers."+layer+".*", name); ok {
					delete(ts, name)
				}
			}
		}
	})
	return dir
}

func smallPacked(t *testing.T) string  { return oneLayer(t, fixture.Packed(t)) }
func smallMasters(t *testing.T) string { return oneLayer(t, fixture.BF16(t)) }
func smallLlama(t *testing.T) string   { return oneLayer(t, fixture.Llama(t)) }
