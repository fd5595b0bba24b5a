package convert_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/quant"
)

func export(t *testing.T, path string) (string, *convert.Exported) {
	t.Helper()
	e, err := convert.NewExport(openGGUF(t, path))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Warnings) > 0 {
		t.Errorf("warnings %q", e.Warnings)
	}
	dir := filepath.Join(t.TempDir(), "checkpoint")
	res, err := e.WriteFolder(t.Context(), dir, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return dir, res
}

// A ternary model goes to a checkpoint and back with the same codes, and with
// the same bytes where nothing had to be rounded.
func TestExportKeepsCodes(t *testing.T) {
	dir := smallMasters(t)
	for _, typ := range []quant.Type{quant.I2_S, quant.TQ1_0, quant.Q8_0, quant.F32, quant.BF16} {
		t.Run(typ.String(), func(t *testing.T) {
			path := toGGUF(t, dir, convert.Options{Type: typ})
			folder, res := export(t, path)
			if res.RoundedBy > 1./256 || res.Lossless != (res.RoundedBy == 0) || res.Lossless != (typ == quant.BF16) {
				t.Errorf("lossless %v, rounded by %v", res.Lossless, res.RoundedBy)
			}
			want := codesOf(t, toGGUF(t, dir, convert.Options{Type: quant.I2_S}))
			got := codesOf(t, toGGUF(t, folder, convert.Options{Type: quant.I2_S}))
			for name, codes := range want {
				if !bytes.Equal(codes, got[name]) {
					t.Errorf("%s: other codes", name)
				}
			}
			if typ == quant.BF16 {
				sameTensors(t, path, toGGUF(t, folder, convert.Options{Type: typ}))
			}
		})
	}
}

// The rows of a Llama's q and k return to where the checkpoint has them, and
// nothing of the weights, the parameters or the vocabulary is lost.
func TestExportIsTheCheckpoint(t *testing.T) {
	for name, dir := range map[string]string{"llama": smallLlama(t), "bitnet": smallMasters(t)} {
		t.Run(name, func(t *testing.T) {
			folder, _ := export(t, toGGUF(t, dir, convert.Options{Type: quant.BF16}))
			if name == "llama" {
				want := readTensors(t, filepath.Join(dir, "model.safetensors"))
				got := readTensors(t, filepath.Join(folder, "model.safetensors"))
				same := func(a, b rawTensor) bool {
					return a.DType == b.DType && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.Data, b.Data)
				}
				if !maps.EqualFunc(want, got, same) {
					t.Error("the weights are not those of the checkpoint")
				}
			}
			a, err := convert.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			b, err := convert.Open(folder)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if diff := cmp.Diff(a.Params, b.Params); diff != "" {
				t.Errorf("parameters (-checkpoint +export):\n%s", diff)
			}
			ignore := []cmp.Option{cmpopts.IgnoreUnexported(token.Vocab{}), cmpopts.IgnoreFields(token.Vocab{}, "Warnings")}
			if diff := cmp.Diff(a.Vocab, b.Vocab, ignore...); diff != "" {
				t.Errorf("vocabulary (-checkpoint +export):\n%s", diff)
			}
		})
	}
}

func TestExportRefuses(t *testing.T) {
	path := toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S})
	for name, tt := range map[string]struct {
		path string
		err  error
	}{
		"layout not stated": {edited(t, path, func(m *gguf.Meta) { m.Delete(gguf.LayoutKey) }), convert.ErrLayout},
		"broken vocabulary": {edited(t, path, func(m *gguf.Meta) { m.Set("tokenizer.ggml.token_type", []int32{1}) }), token.ErrFormat},
	} {
		if _, err := convert.NewExport(openGGUF(t, tt.path)); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v", name, err, tt.err)
		}
	}
}

// A tokenizer that tokenizer.json cannot spell is left out, and said so.
func TestExportWithoutTokenizer(t *testing.T) {
	path := edited(t, toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S}), func(m *gguf.Meta) { m.Set("tokenizer.ggml.pre", "default") })
	e, err := convert.NewExport(openGGUF(t, path))
	if err != nil || len(e.Warnings) != 1 || !strings.Contains(e.Warnings[0], "tokenizer is left out") {
		t.Fatal(e, err)
	}
	res, err := e.WriteFolder(t.Context(), filepath.Join(t.TempDir(), "c"), progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"config.json", "model.safetensors"}, res.Files); diff != "" {
		t.Error(diff)
	}
}

func TestExportLeavesNothing(t *testing.T) {
	path := toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S})
	e, err := convert.NewExport(openGGUF(t, path))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.WriteFolder(canceled, filepath.Join(dir, "x"), progress.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "there"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := e.WriteFolder(t.Context(), filepath.Join(dir, "there"), progress.Discard); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if err := os.Truncate(path, openGGUF(t, path).FileSize-64); err != nil {
		t.Fatal(err)
	}
	if _, err := e.WriteFolder(t.Context(), filepath.Join(dir, "x"), progress.Discard); !errors.Is(err, gguf.ErrChanged) && !errors.Is(err, gguf.ErrFormat) && err == nil {
		t.Error("written from a file that was cut")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "there" {
		t.Errorf("left over: %v, %v", left, err)
	}
}
