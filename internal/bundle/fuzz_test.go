package bundle

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// FuzzRead reads what a stranger might send, below the compression: there is
// no panic, and what is taken is all that the manifest lists.
func FuzzRead(f *testing.F) {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	const manifest = `{"schema":1,"name":"m","version":"v","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","files":[]}`
	t := &testing.T{}
	f.Add(tarOf(t, file(store.ManifestPath, []byte(manifest))))
	f.Add(tarOf(t, file(store.ManifestPath, []byte(manifest)), file("../x", []byte("x"))))
	f.Add(tarOf(t, other('5', "a/"), other('2', "b")))
	f.Fuzz(func(t *testing.T, plain []byte) {
		b, err := NewReader(t.Context(), bytes.NewReader(e.EncodeAll(plain, nil)))
		if err != nil {
			return
		}
		defer b.Close()
		if err := b.Prove(t.Context(), nil, progress.Discard); err == nil && b.bytes != b.Manifest().Size() {
			t.Errorf("%d of %d bytes were taken", b.bytes, b.Manifest().Size())
		}
	})
}
