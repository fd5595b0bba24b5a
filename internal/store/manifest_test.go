package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sampleFile describes a file with this content.
func sampleFile(path, content string) File {
	sum := sha256.Sum256([]byte(content))
	f := File{Path: path, Size: int64(len(content)), SHA256: NewDigest(sum)}
	if content != "" {
		f.Blocks = sum[:]
	}
	return f
}

func sampleManifest(t testing.TB) *Manifest {
	m := &Manifest{
		Tool: "test/1", Source: Source{Kind: FromHub, Repo: "ns/model", Ref: "main", Commit: strings.Repeat("a", 40)},
		Files:   []File{sampleFile("b.bin", "bytes"), sampleFile("a.txt", ""), sampleFile("a/b", "abc")},
		Omitted: []Omitted{{"z", 1}, {"y", 2}}, Completeness: Filtered,
	}
	if err := m.Complete(Ref{Name: "model"}, time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestDigest holds the digest against coreutils: sha256sum of the lines for
// a.txt, a/b and b.bin, with the digests of sha256sum.
func TestDigest(t *testing.T) {
	m := sampleManifest(t)
	const want = "0c0e3d0892ef48c30f8550f3ff7f570005b23b21aa948d68dd6130d67e7f3b21"
	if m.Digest.Hex() != want {
		t.Errorf("digest %s, want %s", m.Digest.Hex(), want)
	}
	if m.Version != want[:12] || m.Ref() != (Ref{"model", want[:12]}) {
		t.Errorf("version %q", m.Version)
	}
}

func TestManifestRoundTrip(t *testing.T) {
	m := sampleManifest(t)
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Error(diff)
	}
	for _, part := range []string{`"time": "2026-01-02T03:04:05.678901Z"`, `"recipe": null`, `"parents": []`, `"schema": 1`} {
		if !bytes.Contains(b, []byte(part)) {
			t.Errorf("no %s in %s", part, b)
		}
	}
	if f, ok := got.File("a/b"); !ok || f.Size != 3 {
		t.Errorf("a/b is %+v, %v", f, ok)
	}
	if got.Size() != 8 {
		t.Errorf("size %d", got.Size())
	}
}

func TestManifestRefuses(t *testing.T) {
	for name, spoil := range map[string]func(m *Manifest){
		"path leads out":   func(m *Manifest) { m.Files[0].Path = "../a"; m.Digest = DigestOf(m.Files) },
		"own folder":       func(m *Manifest) { m.Files[0].Path = ".Bitnet-Tool/a"; m.Digest = DigestOf(m.Files) },
		"negative size":    func(m *Manifest) { m.Files[0].Size = -1; m.Digest = DigestOf(m.Files) },
		"no digest":        func(m *Manifest) { m.Files[0].SHA256 = ""; m.Digest = DigestOf(m.Files) },
		"twice":            func(m *Manifest) { m.Files[1] = m.Files[0]; m.Digest = DigestOf(m.Files) },
		"order":            func(m *Manifest) { m.Files[0], m.Files[1] = m.Files[1], m.Files[0] },
		"too few blocks":   func(m *Manifest) { m.Files[1].Blocks = nil },
		"too many blocks":  func(m *Manifest) { m.Files[0].Blocks = make([]byte, 32) },
		"other digest":     func(m *Manifest) { m.Files[0].Size++; m.Files[0].Blocks = make([]byte, 32) },
		"name":             func(m *Manifest) { m.Name = "a/b" },
		"no version":       func(m *Manifest) { m.Version = "" },
		"bad parent":       func(m *Manifest) { m.Parents = []Digest{"md5:0"} },
		"no schema":        func(m *Manifest) { m.Schema = 0 },
		"uppercase digest": func(m *Manifest) { m.Digest = Digest("sha256:" + strings.ToUpper(m.Digest.Hex())) },
	} {
		t.Run(name, func(t *testing.T) {
			m := sampleManifest(t)
			spoil(m)
			b, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := DecodeManifest(b); !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v", err)
			}
		})
	}
	m := sampleManifest(t)
	m.Schema = Schema + 1
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeManifest(b); !errors.Is(err, ErrUnsupported) {
		t.Errorf("newer schema: %v", err)
	}
	for _, text := range []string{"", "{", "[]", "{} {}", "null"} {
		if _, err := DecodeManifest([]byte(text)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzManifest(f *testing.F) {
	b, err := sampleManifest(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"schema":1,"name":"a","version":"b","files":[{"path":"x","size":9223372036854775807}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeManifest(b)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		n, err := DecodeManifest(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if n.Digest != m.Digest || n.Ref() != m.Ref() {
			t.Errorf("%v %s became %v %s", m.Ref(), m.Digest, n.Ref(), n.Digest)
		}
	})
}
