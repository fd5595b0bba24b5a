package bundle

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/akadata/bitnet-tool/internal/store"
)

// entry is a piece of a bundle made by hand.
type entry struct {
	tar.Header
	data []byte
}

func file(name string, data []byte) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644}, data}
}

func other(kind byte, name string) entry {
	return entry{tar.Header{Typeflag: kind, Name: name, Linkname: "/etc/passwd", Mode: 0o777}, nil}
}

// tarOf makes a tar file, with its end.
func tarOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compressed(t *testing.T, plain []byte, options ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(plain, nil)
}

// small are the files of a small model, in order.
var small = map[string][]byte{"a": []byte("aa"), "b/c": []byte("cc"), "d": []byte("dd")}

// TestHostile imports what no export makes. All of it is refused by name, and
// leaves nothing behind.
func TestHostile(t *testing.T) {
	m, err := put(t, newStore(t), ref, small).Manifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	manifest := file(store.ManifestPath, m)
	a, c, d := file("a", []byte("aa")), file("b/c", []byte("cc")), file("d", []byte("dd"))
	with := func(old, changed string) entry {
		text := strings.Replace(string(m), old, changed, 1)
		if text == string(m) {
			t.Fatalf("no %q in the manifest", old)
		}
		return file(store.ManifestPath, []byte(text))
	}
	good := tarOf(t, manifest, a, c, d)
	contradicting := func() entry {
		x, err := store.DecodeManifest(m)
		if err != nil {
			t.Fatal(err)
		}
		x.Files[0].SHA256 = x.Files[1].SHA256 // the block digests stay
		x.Digest = store.DigestOf(x.Files)
		text, err := x.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return file(store.ManifestPath, text)
	}()
	tests := []struct {
		name, want string // a part of the error
		plain      []byte
	}{
		{"parent", `"../x" is not a plain relative path`, tarOf(t, manifest, a, file("../x", nil), c, d)},
		{"absolute", `"/etc/x" is not a plain`, tarOf(t, manifest, file("/etc/x", nil), a, c, d)},
		{"dots in the middle", `"b/../a" is not a plain`, tarOf(t, manifest, file("b/../a", []byte("aa")), a, c, d)},
		{"control character", "control character", tarOf(t, manifest, file("a\x1b[2J", nil), a, c, d)},
		{"the store's own", "where the store keeps its own", tarOf(t, manifest, file(".bitnet-tool/lock", nil), a, c, d)},
		{"the store's own folder", "", tarOf(t, manifest, other(tar.TypeDir, ".BITNET-TOOL/"), a, c, d)},
		{"link", `the entry "a" is a link`, tarOf(t, manifest, other(tar.TypeSymlink, "a"), c, d)},
		{"link beside", `the entry "x" is a link`, tarOf(t, manifest, a, c, d, other(tar.TypeSymlink, "x"))},
		{"hard link", `the entry "a" is a hard link`, tarOf(t, manifest, other(tar.TypeLink, "a"), c, d)},
		{"character device", `the entry "a" is a device`, tarOf(t, manifest, other(tar.TypeChar, "a"), c, d)},
		{"block device", `the entry "a" is a device`, tarOf(t, manifest, other(tar.TypeBlock, "a"), c, d)},
		{"FIFO", `the entry "a" is a FIFO`, tarOf(t, manifest, other(tar.TypeFifo, "a"), c, d)},
		{"global header", "global header", tarOf(t, manifest, entry{Header: tar.Header{
			Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"path": "x"},
		}}, a, c, d)},
		{"folder in a file's place", `the folder "a/"`, tarOf(t, manifest, other(tar.TypeDir, "a/"), a, c, d)},
		{"foreign folder", `the folder "x/"`, tarOf(t, manifest, other(tar.TypeDir, "x/"), a, c, d)},
		{"folder twice", `the folder "b/"`, tarOf(t, manifest, a, other(tar.TypeDir, "b/"), other(tar.TypeDir, "b/"), c, d)},
		{"not in the manifest", `"x" is not in the manifest`, tarOf(t, manifest, a, file("x", nil), c, d)},
		{"after the last", `"x" is not in the manifest`, tarOf(t, manifest, a, c, d, file("x", nil))},
		{"twice", `"a" comes twice`, tarOf(t, manifest, a, a, c, d)},
		{"twice, at the end", `"a" comes twice`, tarOf(t, manifest, a, c, d, a)},
		{"manifest twice", "comes twice", tarOf(t, manifest, manifest, a, c, d)},
		{"out of order", `"d" is out of order: "b/c" comes next`, tarOf(t, manifest, a, d, c)},
		{"missing", `it is cut: 2 of 6 bytes are missing, from "d" on`, tarOf(t, manifest, a, c)},
		{"beyond its size", `"a" has 3 bytes, and the manifest says 2`, tarOf(t, manifest, file("a", []byte("aaa")), c, d)},
		{"below its size", `"a" has 1 bytes`, tarOf(t, manifest, file("a", []byte("a")), c, d)},
		{"other content", `"b/c", bytes 0 to 1`, tarOf(t, manifest, a, file("b/c", []byte("cx")), d)},
		{"no manifest", `begins with "a"`, tarOf(t, a, c, d)},
		{"manifest last", `begins with "a"`, tarOf(t, a, c, d, manifest)},
		{"manifest is a link", "begins with", tarOf(t, other(tar.TypeSymlink, store.ManifestPath), a, c, d)},
		{"manifest is nonsense", store.ManifestPath, tarOf(t, file(store.ManifestPath, []byte("{")), a, c, d)},
		{"manifest is no object", store.ManifestPath, tarOf(t, file(store.ManifestPath, []byte("[]")), a, c, d)},
		{"hostile path in the manifest", "not a plain relative path", tarOf(t, with(`"path": "d"`, `"path": "../d"`), a, c, d)},
		{"hostile name in the manifest", store.ManifestPath, tarOf(t, with(`"model"`, `"../model"`), a, c, d)},
		{"two digests in the manifest", "two digests of", tarOf(t, with(`"hub": {
    "sha256": ""`, `"hub": {
    "sha256": "`+strings.Repeat("0", 64)+`"`), a, c, d)},
		{"block digests that contradict the file's", "and the manifest says", tarOf(t, contradicting, a, c, d)},
		{"another git digest in the manifest", `has git SHA-1`, tarOf(t, with(`"git_oid": ""`, `"git_oid": "`+strings.Repeat("0", 40)+`"`), a, c, d)},
		{"wrong digest in the manifest", "the digest of the files", tarOf(t, with(`"size": 2`, `"size": 3`), a, c, d)},
		{"nothing", "it is cut", nil},
		{"an empty tar file", "it is cut", tarOf(t)},
		{"no tar file", "the first entry", bytes.Repeat([]byte("x"), 2000)},
		{"cut in the manifest", "it is cut", good[:600]},
		{"cut in a header", "it is cut", good[:len(good)-1024-1024+7]},
		{"something after the end", "something follows its end", append(bytes.Clone(good), 'x')},
		{"padding without end", "unpacks to more", append(bytes.Clone(good), make([]byte, 3<<20)...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			_, err := unpack(t.Context(), s, bytes.NewReader(compressed(t, tt.plain)), store.Ref{})
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tt.want) || errors.Is(err, store.ErrName) {
				t.Errorf("%v", err)
			}
			nothing(t, s)
		})
	}
	t.Run("good, with folders and padding", func(t *testing.T) {
		plain := tarOf(t, manifest, other(tar.TypeDir, ".bitnet-tool/"), a, other(tar.TypeDir, "b/"), c, d)
		p, err := unpack(t.Context(), newStore(t), bytes.NewReader(compressed(t, append(plain, make([]byte, 10240)...))), store.Ref{})
		if err != nil || !p.Changed {
			t.Errorf("%v", err)
		}
	})
	for name, tt := range map[string]struct {
		b    []byte
		want string
	}{
		"not compressed": {good, "not compressed with zstd"},
		"gzip":           {[]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0}, "not compressed with zstd"},
		"text":           {[]byte("hello, world, this is no bundle"), "not compressed with zstd"},
		"large window": {
			compressed(t, append(bytes.Clone(good), make([]byte, 20<<20)...), zstd.WithWindowSize(16<<20), zstd.WithSingleSegment(false)),
			"a window of more than 8388608 bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			_, err := unpack(t.Context(), s, bytes.NewReader(tt.b), store.Ref{})
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
			nothing(t, s)
		})
	}
	t.Run("newer schema", func(t *testing.T) {
		_, err := unpack(t.Context(), newStore(t), bytes.NewReader(compressed(t, tarOf(t, with(`"schema": 1`, `"schema": 9`)))), store.Ref{})
		if !errors.Is(err, store.ErrUnsupported) || errors.Is(err, ErrFormat) {
			t.Errorf("%v", err)
		}
	})
}

// TestEveryCutAndFlip cuts a small bundle everywhere, and turns over bits.
func TestEveryCutAndFlip(t *testing.T) {
	a := put(t, newStore(t), ref, small)
	good, digest := packed(t, a), a.Manifest().Digest
	s := newStore(t)
	for n := 0; n < len(good); n += 3 {
		if _, err := unpack(t.Context(), s, bytes.NewReader(good[:n]), store.Ref{}); !errors.Is(err, ErrFormat) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(good), err)
		}
		b := bytes.Clone(good)
		b[n] ^= 1 << (n % 8)
		p, err := unpack(t.Context(), s, bytes.NewReader(b), store.Ref{})
		if err == nil && p.Digest == digest { // bits that mean nothing
			err = errors.Join(ErrFormat, s.Remove(t.Context(), p.Ref))
		}
		if !errors.Is(err, ErrFormat) {
			t.Fatalf("a bit of byte %d: %v", n, err)
		}
	}
	nothing(t, s)
}

// bomb is a stream of frames of zeros that never ends.
type bomb struct {
	head, zeros []byte
	at          int
}

func (b *bomb) Read(p []byte) (int, error) {
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	n := copy(p, b.zeros[b.at:])
	b.at = (b.at + n) % len(b.zeros)
	return n, nil
}

// TestBombs reads streams that unpack to far more than they are, and holds the
// memory.
func TestBombs(t *testing.T) {
	m, err := put(t, newStore(t), ref, small).Manifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	headOf := func(h tar.Header) []byte {
		var b bytes.Buffer
		if err := tar.NewWriter(&b).WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := tarOf(t, file(store.ManifestPath, m), file("a", []byte("aa")), file("b/c", []byte("cc")), file("d", []byte("dd")))
	extended := tarOf(t, entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: strings.Repeat("x/", 150) + "x", Mode: 0o644}})
	extended = extended[:1024] // the extended header alone
	list := func(element string, n int) entry {
		return file(store.ManifestPath, fmt.Appendf(nil, `{"schema":1,"files":[%s%s]}`, strings.Repeat(element+",", n-1), element))
	}
	deep := func(path string) []byte {
		text := strings.Replace(string(m), `"path": "d"`, fmt.Sprintf(`"path": %q`, path), 1)
		files := []store.File{}
		old, err := store.DecodeManifest(m)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, old.Files...)
		files[2].Path = path
		text = strings.Replace(text, string(old.Digest), string(store.DigestOf(files)), 1)
		return tarOf(t, file(store.ManifestPath, []byte(text)))
	}
	huge := strings.Replace(string(m), `"size": 2`, fmt.Sprintf(`"size": %d`, int64(math.MaxInt64)), 1)
	zeros := compressed(t, make([]byte, 4<<20))
	for name, tt := range map[string]struct {
		r    io.Reader
		want string
	}{
		"zeros": {&bomb{zeros: zeros}, ""},
		"endless manifest": {&bomb{
			head: compressed(t, headOf(tar.Header{Name: store.ManifestPath, Typeflag: tar.TypeReg, Size: 1 << 40, Format: tar.FormatPAX})), zeros: zeros,
		}, "has 1099511627776 bytes, more than"},
		"large manifest": {&bomb{
			head: compressed(t, headOf(tar.Header{Name: store.ManifestPath, Typeflag: tar.TypeReg, Size: maxManifest})), zeros: zeros,
		}, ""},
		"extended headers without end": {&bomb{zeros: compressed(t, bytes.Repeat(extended, 1000))}, "unpacks to more"},
		"zeros after the end":          {&bomb{head: compressed(t, good), zeros: zeros}, "unpacks to more"},
		"empty files":                  {bytes.NewReader(compressed(t, tarOf(t, list("{}", 5_000_000)))), "more than 100000 files"},
		"null files":                   {bytes.NewReader(compressed(t, tarOf(t, list("null", 5_000_000)))), "more than 100000 files"},
		"deep folder":                  {bytes.NewReader(compressed(t, deep(strings.Repeat("d/", 50)+"x"))), "deeper than"},
		"long path":                    {bytes.NewReader(compressed(t, deep(strings.Repeat(strings.Repeat("d", 200)+"/", 20)+"x"))), "is longer than"},
		"a file of exabytes":           {bytes.NewReader(compressed(t, tarOf(t, file(store.ManifestPath, []byte(huge))))), "block digests"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			var before, after goruntime.MemStats
			goruntime.GC()
			goruntime.ReadMemStats(&before)
			_, err := unpack(t.Context(), s, tt.r, store.Ref{})
			goruntime.ReadMemStats(&after)
			if !errors.Is(err, ErrFormat) || !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("%v", err)
			}
			// All that was ever allocated, so more than is in use at a time.
			if used := after.TotalAlloc - before.TotalAlloc; used > 512<<20 {
				t.Errorf("%d MiB were allocated", used>>20)
			}
			nothing(t, s)
		})
	}
}
