package convert_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/synth"
	"github.com/akadata/bitnet-tool/quant"
)

// synthesized makes a checkpoint of random weights.
func synthesized(t *testing.T, shape, family string) string {
	t.Helper()
	s, err := synth.ParseShape(shape)
	if err != nil {
		t.Fatal(err)
	}
	c, err := synth.New(s, family, synth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := c.Write(t.Context(), dir, progress.Discard); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPieces: with tensors of many pieces, of several pieces a row and with
// padding between them, the digest is that of the file, and the file that of
// tensors encoded one after the other, whatever the number of threads.
func TestPieces(t *testing.T) {
	for _, tc := range []struct {
		name, shape, family string
		typ                 quant.Type
	}{
		{"masters", "tiny,layers=1,vocab=8192", "B", quant.I2_S},
		{"packed", "tiny,layers=1,intermediate=8192", "A", quant.TQ2_0},
		{"long rows", "layers=1,hidden=32,heads=1,kv_heads=1,head_dim=32,intermediate=131072,vocab=512", "B", quant.F16},
		{"padding", "layers=1,hidden=160,heads=5,kv_heads=5,head_dim=32,intermediate=96,vocab=513", "llama", quant.Q8_0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := convert.Open(synthesized(t, tc.shape, tc.family))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var first []byte
			for _, threads := range []int{1, 2, 7} {
				p, err := s.Plan(t.Context(), convert.Options{Type: tc.typ, Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), fmt.Sprint(threads))
				res, err := p.WriteFile(t.Context(), path, false, progress.Discard)
				if err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if sum := sha256.Sum256(got); res.SHA256 != hex.EncodeToString(sum[:]) || res.Size != int64(len(got)) {
					t.Errorf("%d threads: digest %s, size %d; file has %x, %d", threads, res.SHA256, res.Size, sum, len(got))
				}
				if first == nil {
					first = got
					compareTensors(t, p, got)
				}
				if !bytes.Equal(first, got) {
					t.Errorf("%d threads give other bytes", threads)
				}
			}
		})
	}
}

// compareTensors encodes the tensors of a plan one by one and compares them
// with what is in the file. Between them are zeros.
func compareTensors(t *testing.T, p *convert.Plan, file []byte) {
	t.Helper()
	at := p.Layout.DataOffset
	for i, x := range p.Layout.Tensors {
		var b bytes.Buffer
		if _, err := p.Encode(t.Context(), i, &b); err != nil {
			t.Fatal(err)
		}
		start := p.Layout.DataOffset + x.Offset
		for _, v := range file[at:start] {
			if v != 0 {
				t.Errorf("padding before %s is not zero", x.Name)
			}
		}
		at = start + x.Size
		if !bytes.Equal(b.Bytes(), file[start:at]) {
			t.Errorf("%s differs", x.Name)
		}
	}
}
