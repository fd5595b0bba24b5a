package safetensors

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/fixture"
)

// The real models: both forms of the masters hold the same tensors.
func TestFixtures(t *testing.T) {
	tensors := func(dir string) map[string]string {
		s, err := OpenSet(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if w := s.Warnings(); len(w) != 0 {
			t.Errorf("%s: %q", dir, w)
		}
		if d := cmp.Diff(map[string]string{"format": "pt"}, s.Metadata()); d != "" {
			t.Errorf("metadata of %s (-want +got):\n%s", dir, d)
		}
		all := map[string]string{}
		for _, tensor := range s.Tensors() {
			all[tensor.Name] = fmt.Sprint(tensor.DType, tensor.Shape) + read(t, tensor)
		}
		return all
	}
	single, sharded := tensors(fixture.BF16(t)), tensors(fixture.Sharded(t))
	if len(single) == 0 || len(single) != len(sharded) {
		t.Errorf("%d tensors in one file, %d in shards", len(single), len(sharded))
	}
	for name, want := range single {
		if sharded[name] != want {
			t.Errorf("%s differs", name)
		}
	}
	if len(tensors(fixture.Packed(t))) == 0 || len(tensors(fixture.Llama(t))) == 0 {
		t.Error("no tensors")
	}
}
