package demo

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// digests are those of the files as they left the training run.
var digests = map[string]string{
	"config.json":             "2759ca5e5ba288aee32ee844d5b39f527cede9c2024a233c6607b450d182a4b6",
	"generation_config.json":  "3b12125181d88771d467e699c9c8a9d6322355283bf105649f9feb868398816e",
	"model.safetensors":       "f5f460c5e50f5989b35d2a0ac9aafc365cc44ed2e475728a8512620450348b35",
	"special_tokens_map.json": "462d91939dbc37178aa5a3eae7068d1990ccc92e09f288cc71f42cdf139d69cc",
	"tokenizer.json":          "f0edf6a0c6ace2c19541e6f5546dbb4db020802fc674dc88801ba781da6873c3",
	"tokenizer_config.json":   "b4a2fcda8910e25ce2e392336adb7d2e471b750e82f84706840ea638b9c7e1e5",
}

func TestExtract(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", Name)
	if err := Extract(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		got[e.Name()] = hex.EncodeToString(sum[:])
	}
	if diff := cmp.Diff(digests, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestFiles(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, data := range files {
		sum := sha256.Sum256(data)
		got[name] = hex.EncodeToString(sum[:])
	}
	if diff := cmp.Diff(digests, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestExtractKeepsExistingFile(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "config.json")
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Extract(dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("Extract over a file: error %v, want os.ErrExist", err)
	}
	if got, err := os.ReadFile(mine); err != nil || string(got) != "mine" {
		t.Errorf("the file now holds %q, %v", got, err)
	}
}

func TestExtractRefuses(t *testing.T) {
	entry := func(name string, kind byte, size int64) *tar.Header {
		return &tar.Header{Name: name, Typeflag: kind, Size: size, Mode: 0o644}
	}
	many := make([]*tar.Header, maxFiles+1)
	for i := range many {
		many[i] = entry(strings.Repeat("x", i+1), tar.TypeReg, 0)
	}
	tests := []struct {
		name    string
		entries []*tar.Header
		want    string
	}{
		{"parent", []*tar.Header{entry("../evil", tar.TypeReg, 1)}, "not a plain file"},
		{"dot-dot", []*tar.Header{entry("..", tar.TypeReg, 1)}, "not a plain file"},
		{"absolute", []*tar.Header{entry("/evil", tar.TypeReg, 1)}, "not a plain file"},
		{"folder", []*tar.Header{entry("a/b", tar.TypeReg, 1)}, "not a plain file"},
		{"link", []*tar.Header{{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, "not a plain file"},
		{"size", []*tar.Header{entry("a", tar.TypeReg, maxBytes), entry("b", tar.TypeReg, 1)}, "bytes in all"},
		{"count", many, "more than 16 files"},
		{"twice", []*tar.Header{entry("a", tar.TypeReg, 1), entry("a", tar.TypeReg, 1)}, "exists"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root, err := os.OpenRoot(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			err = extract(root, bytes.NewReader(pack(t, tt.entries)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// pack makes a compressed tar whose files hold zeros.
func pack(t *testing.T, entries []*tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	enc, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(enc)
	for _, h := range entries {
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(tw, zeros{}, h.Size); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), enc.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
