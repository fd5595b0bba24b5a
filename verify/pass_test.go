package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// TestPass: in order every byte once, and in any order every block with what it
// carries.
func TestPass(t *testing.T) {
	for _, size := range []int64{0, 1, blockSize - 1, blockSize, blockSize + 1, 9*blockSize + 77} {
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprint(size, "/", workers), func(t *testing.T) {
				data := make([]byte, size)
				rand.NewChaCha8([32]byte{1}).Read(data)
				var inOrder bytes.Buffer
				var mu sync.Mutex
				seen, added := map[int64]int{}, int64(0)
				carry := func(off int64) int64 { return min(off, off/blockSize%8) }
				p := pass{
					disk: bytes.NewReader(data), size: size, workers: workers, lead: 7, carry: carry,
					inOrder: func(b *slab) { inOrder.Write(b.data) },
					each: func(worker int, b *slab) error {
						mu.Lock()
						defer mu.Unlock()
						seen[b.off]++
						from, to := b.off-carry(b.off), b.off+int64(len(b.data))
						if !bytes.Equal(b.slice(from, to), data[from:to]) || b.no*blockSize != b.off || worker >= workers {
							return fmt.Errorf("block %d at %d is wrong, worker %d", b.no, b.off, worker)
						}
						return nil
					},
					add: func(n int64) { mu.Lock(); added += n; mu.Unlock() },
				}
				if err := p.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(inOrder.Bytes(), data) {
					t.Error("bytes in order are not the file")
				}
				if n := int((size + blockSize - 1) / blockSize); len(seen) != n || added != size {
					t.Errorf("%d of %d blocks, %d of %d bytes", len(seen), n, added, size)
				}
				for off, times := range seen {
					if times != 1 {
						t.Errorf("block at %d was seen %d times", off, times)
					}
				}
			})
		}
	}
}

var errDisk = errors.New("disk error")

// faulty cannot read a byte.
type faulty struct {
	io.ReaderAt
	at int64
}

func (f faulty) ReadAt(p []byte, off int64) (int, error) {
	if off <= f.at && f.at < off+int64(len(p)) {
		n, _ := f.ReaderAt.ReadAt(p[:f.at-off], off)
		return n, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

// TestPassEnds: whatever goes wrong ends the pass, with a reason.
func TestPassEnds(t *testing.T) {
	const size = 40 * blockSize
	whole := bytes.NewReader(make([]byte, size))
	errWork := errors.New("work")
	canceled, cancel := context.WithCancel(t.Context())
	tests := map[string]struct {
		disk io.ReaderAt
		each func(worker int, b *slab) error
		want error
		text string
	}{
		"unreadable": {disk: faulty{whole, 20*blockSize + 5}, want: errDisk, text: fmt.Sprintf("offset %d", 20*blockSize+5)},
		"cut":        {disk: bytes.NewReader(make([]byte, 30*blockSize+9)), want: io.ErrUnexpectedEOF, text: fmt.Sprintf("offset %d", 30*blockSize+9)},
		"work": {disk: whole, want: errWork, text: "work", each: func(_ int, b *slab) error {
			if b.no == 25 {
				return errWork
			}
			return nil
		}},
		"canceled": {disk: whole, want: context.Canceled, text: "canceled", each: func(_ int, b *slab) error {
			if b.no == 10 {
				cancel()
			}
			return nil
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.each == nil {
				tt.each = func(int, *slab) error { return nil }
			}
			p := pass{
				disk: tt.disk, size: size, workers: 2, carry: func(int64) int64 { return 0 },
				inOrder: func(*slab) {}, each: tt.each, add: func(int64) {},
			}
			ctx := t.Context()
			if name == "canceled" {
				ctx = canceled
			}
			if err := p.run(ctx); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// straddling writes a file of tensors whose blocks do not divide a MiB, and
// some of which are equal.
func straddling(t *testing.T) (path string, data map[string][]byte) {
	t.Helper()
	infos := []gguf.TensorInfo{
		{Name: "small", Dims: []int64{3}, Type: quant.F32},
		{Name: "q8", Dims: []int64{32, 20_001}, Type: quant.Q8_0},
		{Name: "tq2", Dims: []int64{256, 6_003}, Type: quant.TQ2_0},
		{Name: "q6", Dims: []int64{256, 5_001}, Type: quant.Q6_K},
		{Name: "i2s", Dims: []int64{128, 20_001}, Type: quant.I2_S},
		{Name: "f16", Dims: []int64{1_600_003}, Type: quant.F16},
		{Name: "other", Dims: []int64{32, 20_001}, Type: quant.Q8_0},
		{Name: "twin", Dims: []int64{32, 20_001}, Type: quant.Q8_0},
	}
	l, err := gguf.NewLayout(&gguf.Meta{}, infos)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, l.FileSize)
	copy(b, l.Header)
	data = map[string][]byte{}
	for i, info := range l.Tensors {
		c, _ := quant.Lookup(info.Type)
		rng := rand.New(rand.NewPCG(uint64(i), 1)) //nolint:gosec // the same file each time
		w := make([]float32, info.Elements())
		for j := range w {
			if w[j] = float32(rng.NormFloat64()); c.Ternary() {
				w[j] = float32(rng.IntN(3)-1) * 0.5
			}
		}
		into := b[l.DataOffset+info.Offset:][:info.Size]
		if err := c.Encode(into[:len(into)-c.Trailer], w, 0.5); err != nil {
			t.Fatal(err)
		}
		if c.Trailer > 0 {
			if err := c.PutTrailer(into[len(into)-c.Trailer:], 0.5); err != nil {
				t.Fatal(err)
			}
		}
		data[info.Name] = into
	}
	copy(data["twin"], data["q8"])
	path = filepath.Join(t.TempDir(), "straddling.gguf")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, data
}

// TestSweep: tensors are found to be what they are by themselves, wherever
// blocks of the file begin.
func TestSweep(t *testing.T) {
	path, data := straddling(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 2, 5} {
		s, err := open(path, Options{Level: Content, Threads: threads, Progress: progress.Discard})
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		if fs := checkStructure(t.Context(), s); len(fs) > 0 {
			t.Fatal(show(fs))
		}
		found := s.survey(t.Context())
		if s.err != nil || len(found) != len(data) {
			t.Fatal(s.err, len(found))
		}
		if s.digests[0].whole != sha256.Sum256(whole) {
			t.Error("digest is not the file's")
		}
		sums := map[uint64][]string{}
		for _, v := range found {
			b := data[v.tensor.Name]
			n := len(b) - v.codec.Trailer
			want := newTally()
			if err := new(scanner).scan(&want, &v.codec, 0, b[:n], b[n:]); err != nil {
				t.Fatal(err)
			}
			if r := v.squares / want.squares; r < 0.999999 || r > 1.000001 {
				t.Errorf("%s: squares %v, want %v", v.tensor.Name, v.squares, want.squares)
			}
			want.squares = v.squares
			if d := cmp.Diff(want, v.tally, cmp.AllowUnexported(tally{}, place{})); d != "" || !v.whole {
				t.Errorf("%s, %d threads: whole %v (-want +got):\n%s", v.tensor.Name, threads, v.whole, d)
			}
			if v.weighed != v.weights() {
				t.Errorf("%s: %d of %d weights", v.tensor.Name, v.weighed, v.weights())
			}
			if v.tensor.Type == quant.Q8_0 {
				sums[v.sum] = append(sums[v.sum], v.tensor.Name)
			}
		}
		if len(sums) != 2 || !slices.ContainsFunc(slices.Collect(maps.Values(sums)), func(n []string) bool { return slices.Equal(n, []string{"q8", "twin"}) }) {
			t.Errorf("equal tensors: %v", sums)
		}
	}
}

// TestKnown: with a manifest the changed tensor is named.
func TestKnown(t *testing.T) {
	path, data := straddling(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	known := &Known{Source: "the manifest", Size: int64(len(whole)), SHA256: fmt.Sprintf("%x", sha256.Sum256(whole))}
	for b := range slices.Chunk(whole, blockSize) {
		sum := sha256.Sum256(b)
		known.Blocks = append(known.Blocks, sum[:]...)
	}
	offset := func(name string) int64 { return int64(bytes.Index(whole, data[name][:64])) }
	tests := map[string]struct {
		change func(b []byte) []byte
		wrong  bool
		tensor string
		at     int64
		detail string
	}{
		"good":          {change: func(b []byte) []byte { return b }},
		"inside tensor": {func(b []byte) []byte { b[offset("f16")+blockSize*3/2] ^= 4; return b }, true, "f16", (offset("f16") + blockSize*3/2) / blockSize * blockSize, "1048576 bytes"},
		"two in a row": {func(b []byte) []byte {
			at := (offset("f16") + blockSize - 1) / blockSize * blockSize
			b[at] ^= 1
			b[at+blockSize] ^= 1
			return b
		}, true, "f16", (offset("f16") + blockSize - 1) / blockSize * blockSize, "2097152 bytes"},
		"several":     {func(b []byte) []byte { b[offset("small")] ^= 1; return b }, true, "", 0, "small, q8, tq2 are there"},
		"longer":      {func(b []byte) []byte { return append(b, make([]byte, 32)...) }, true, "", int64(len(whole)), fmt.Sprintf("has %d bytes", len(whole)+32)},
		"short block": {func(b []byte) []byte { b[len(b)-40] ^= 1; return b }, true, "", int64(len(whole)-1) / blockSize * blockSize, "other, twin are there"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			at := filepath.Join(t.TempDir(), "model.gguf")
			if err := os.WriteFile(at, tt.change(bytes.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := open(at, Options{Level: Hash, Known: func(string) *Known { return known }, Progress: progress.Discard})
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			f, err := gguf.NewFile(bytes.NewReader(whole), int64(len(whole))) // the header is good
			if err != nil {
				t.Fatal(err)
			}
			s.file = f
			r, err := s.run(t.Context(), Hash)
			if err != nil || r.OK == tt.wrong {
				t.Fatalf("ok %v, error %v%s", r.OK, err, show(r.Findings))
			}
			i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Rule == "hash.changed" })
			if !tt.wrong {
				if i >= 0 {
					t.Errorf("got%s", show(r.Findings))
				}
				return
			}
			if i < 0 || r.Findings[0].Rule != "hash.digest" {
				t.Fatalf("got%s", show(r.Findings))
			}
			if got := r.Findings[i]; got.Tensor != tt.tensor || *got.Offset != tt.at || !strings.Contains(got.Detail, tt.detail) {
				t.Errorf("want %q at %d, %q, got%s", tt.tensor, tt.at, tt.detail, show(r.Findings))
			}
		})
	}
}
