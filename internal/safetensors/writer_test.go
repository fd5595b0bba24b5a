package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
)

// raw makes a file of exactly this header and data.
func raw(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// entry is a tensor to be written.
type entry struct {
	name  string
	dtype DType
	shape []int64
	data  string
}

// encode writes a file as the reference writer does, but in the order given.
func encode(metadata map[string]string, entries ...entry) []byte {
	var members []string
	if metadata != nil {
		m, err := json.Marshal(metadata)
		if err != nil {
			panic(err)
		}
		members = append(members, `"__metadata__":`+string(m))
	}
	var data strings.Builder
	for _, e := range entries {
		begin := data.Len()
		data.WriteString(e.data)
		shape := strings.ReplaceAll(fmt.Sprint(e.shape), " ", ",")
		members = append(members, fmt.Sprintf(`%q:{"dtype":"%v","shape":%s,"data_offsets":[%d,%d]}`,
			e.name, e.dtype, shape, begin, data.Len()))
	}
	header := "{" + strings.Join(members, ",") + "}"
	header += strings.Repeat(" ", -len(header)&7)
	return raw(header, data.String())
}

// open parses a file in memory.
func open(file []byte) (*File, error) {
	return NewFile(bytes.NewReader(file), int64(len(file)), "t.safetensors")
}

// writeFiles writes files into a new folder and returns it.
func writeFiles(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// memoryBudget is what opening a file may allocate in total, good or hostile.
const memoryBudget = 64 << 20

// checkMemory runs f and fails when it allocates more than the budget.
func checkMemory(t *testing.T, f func()) {
	t.Helper()
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f()
	goruntime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > memoryBudget {
		t.Errorf("%d bytes allocated, budget %d", n, memoryBudget)
	}
}
