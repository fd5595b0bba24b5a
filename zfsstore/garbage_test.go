package zfsstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/pipeline"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

// safetensors gives a file with these tensors of bytes one after another. The
// content does not compress, so that it lies in the pool as it is.
func safetensors(names []string, size int) []byte {
	var entries []string
	for i, name := range names {
		entries = append(entries, fmt.Sprintf(`%q:{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}`, name, size, i*size, (i+1)*size))
	}
	header := "{" + strings.Join(entries, ",") + "}"
	header += strings.Repeat(" ", -len(header)&7)
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), noise(len(names)*size)...)
}

// TestGarbage overwrites twice 4 KiB of a model where they lie in the pool.
func TestGarbage(t *testing.T) {
	const block, mib = 4096, 1 << 20
	p := newPool(t, 256<<20)
	s := p.store(t, "models")
	data := safetensors([]string{"first", "second", "third"}, 5*mib/2)
	storetest.Put(t, s, v1, storetest.Files{"config.json": "{}", "model.safetensors": string(data)})
	offsets := []int{mib + 40*block, 6*mib + 7*block}
	p.reopen(t, func(vdev string) {
		raw, err := os.ReadFile(vdev)
		must(t, err)
		for _, off := range offsets {
			at := bytes.Index(raw, data[off:off+block])
			if at < 0 {
				t.Fatal("the file's content is not in the pool as it is")
			}
			clear(raw[at : at+block])
		}
		must(t, os.WriteFile(vdev, raw, 0o600))
	})
	a, err := s.Open(t.Context(), v1)
	must(t, err)
	defer a.Close()
	found, err := store.Check(t.Context(), a, pipeline.Locator(), progress.Discard)
	must(t, err)
	var got []store.Damage
	for _, d := range found {
		d.Detail = ""
		got = append(got, d)
	}
	want := []store.Damage{
		{File: "model.safetensors", Offset: 1 * mib, Length: mib, Tensor: "first", Kind: store.Unreadable},
		{File: "model.safetensors", Offset: 6 * mib, Length: mib, Tensor: "third", Kind: store.Unreadable},
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %+v", found)
	}
	lines, err := s.Evidence(t.Context(), v1)
	must(t, err)
	if len(lines) == 0 || !strings.Contains(lines[0], "model.safetensors") {
		t.Errorf("evidence %q of\n%s", lines, command(t, "zpool", "status", "-v", p.name))
	}
	t.Logf("%+v\n%s", found, strings.Join(lines, "\n"))
}
