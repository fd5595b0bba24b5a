package convert_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/quant"
)

func TestFindFixes(t *testing.T) {
	path := toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S})
	llama := toGGUF(t, smallLlama(t), convert.Options{Type: quant.F16})
	const (
		activation = "bitnet-b1.58.hidden_activation"
		eot        = "tokenizer.ggml.eot_token_id"
		pre        = "tokenizer.ggml.pre"
		template   = "tokenizer.chat_template"
	)
	tests := []struct {
		name string
		path string
		edit func(m *gguf.Meta)
		keys []string // that are fixed
		open string   // what is said of the rest
	}{
		{"nothing", path, func(*gguf.Meta) {}, nil, ""},
		{"activation", path, func(m *gguf.Meta) { m.Delete(activation) }, []string{activation}, ""},
		{"activation under a name that does not tell", path, func(m *gguf.Meta) {
			m.Delete(activation)
			m.Rename("bitnet")
		}, nil, "bitnet.hidden_activation"},
		{"activation of a Llama", llama, func(m *gguf.Meta) { m.Delete("llama.hidden_activation") }, nil, ""},
		{"end of a turn", path, func(m *gguf.Meta) { m.Delete(eot) }, []string{eot}, ""},
		{"end of a turn that is the end of a text", path, func(m *gguf.Meta) {
			id, _ := m.Value(eot)
			m.Set("tokenizer.ggml.eos_token_id", id)
			m.Delete(eot)
		}, nil, ""},
		{"placeholder", path, func(m *gguf.Meta) { m.Set(template, "x BITNETAssistant: ") }, []string{template}, ""},
		{"pre-tokenizer of an unknown vocabulary", path, func(m *gguf.Meta) { m.Delete(pre) }, nil, pre},
		{"all", path, func(m *gguf.Meta) {
			m.Delete(activation)
			m.Delete(eot)
			m.Set(template, "x BITNETAssistant: ")
		}, []string{eot, template, activation}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := openGGUF(t, edited(t, tt.path, tt.edit))
			fixes, open, err := convert.FindFixes(f)
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, x := range fixes {
				keys = append(keys, x.Key)
				if old, ok := f.Meta.Value(x.Key); ok && old != x.Old || !ok && x.Old != nil {
					t.Errorf("%s: old value %v, the file has %v", x.Key, x.Old, old)
				}
				want, _ := openGGUF(t, path).Meta.Value(x.Key)
				if x.New != want {
					t.Errorf("%s: new value %v, a good file has %v", x.Key, x.New, want)
				}
			}
			if diff := cmp.Diff(tt.keys, keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if said := strings.Join(open, "\n"); (tt.open == "") != (said == "") || !strings.Contains(said, tt.open) {
				t.Errorf("open: %q, want %q", said, tt.open)
			}
		})
	}
}
