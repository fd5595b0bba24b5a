package hfhub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/hubtest"
)

func TestSpan(t *testing.T) {
	const big, text = "sub/big.bin", "config.json"
	for name, tt := range map[string]struct {
		file     string
		from, to int64
		fault    hubtest.Fault
		kind     string
		times    int
		want     error
		sent     int64 // at most, 0: no limit
	}{
		"middle":           {file: big, from: 100_000, to: 200_000, sent: 100_000},
		"end":              {file: big, from: bigSize - 5, to: bigSize, sent: 5},
		"all":              {file: big, to: bigSize, sent: bigSize},
		"nothing":          {file: big, from: 7, to: 7, sent: 1},
		"of a text":        {file: text, from: 2, to: 6},
		"cut once":         {file: big, from: 1000, to: 90_000, fault: hubtest.Fault{Cut: true, After: 500}, kind: "cdn", times: 1},
		"cut three times":  {file: big, from: 1000, to: 90_000, fault: hubtest.Fault{Cut: true, After: 500}, kind: "cdn", times: 3},
		"stalls":           {file: big, from: 1000, to: 90_000, fault: hubtest.Fault{Stall: true, After: 500}, kind: "cdn", times: 1},
		"no ranges":        {file: big, from: 1000, to: 90_000, fault: hubtest.Fault{IgnoreRange: true}, kind: "cdn", times: -1},
		"another range":    {file: big, from: 1000, to: 90_000, fault: hubtest.Fault{WrongRange: true}, kind: "cdn", times: 1},
		"server trouble":   {file: big, from: 1000, to: 90_000, fault: hubtest.Fault{Status: 503}, kind: "cdn", times: 2},
		"expired":          {file: big, from: 1000, to: 90_000, fault: hubtest.Fault{Status: 403}, kind: "cdn", times: 1},
		"trouble for ever": {file: big, from: 1000, to: 90_000, fault: hubtest.Fault{Status: 503}, kind: "cdn", times: -1, want: ErrRemote},
		"not there":        {file: "none", from: 0, to: 1, want: ErrNotFound},
		"hostile":          {file: "../x", from: 0, to: 1, want: ErrHostilePath},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.o.Retries = 4
			commit := w.repo.Commit("main", w.files)
			if tt.times != 0 {
				w.hub.Inject(tt.times, tt.kind, "", tt.fault)
			}
			src := Source{Repo: testRepo, Commit: commit, File: File{Path: tt.file, Size: tt.to}}
			var data []byte
			if f, ok := w.files[tt.file]; ok {
				src.File.Size = f.Content.Size()
				data = make([]byte, src.File.Size)
				if _, err := f.Content.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
			}
			if tt.file == big {
				src.File.SHA256 = shaOf(t, w, commit, big)
			}
			w.hub.Forget()
			before := w.hub.Sent()
			var got bytes.Buffer
			err := w.client().Span(t.Context(), src, tt.from, tt.to, &got)
			if !errors.Is(err, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			if err == nil && !bytes.Equal(got.Bytes(), data[tt.from:tt.to]) {
				t.Errorf("%d other bytes", got.Len())
			}
			if sent := w.hub.Sent() - before; tt.sent > 0 && sent > tt.sent {
				t.Errorf("%d bytes were sent", sent)
			}
		})
	}
}

// shaOf asks the Hub for a file's digest.
func shaOf(t *testing.T, w *world, commit, file string) string {
	t.Helper()
	files, err := w.client().Tree(t.Context(), testRepo, commit)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Path == file {
			return f.SHA256
		}
	}
	t.Fatalf("no %s", file)
	return ""
}

func TestSpanEnds(t *testing.T) {
	w := newWorld(t)
	src := Source{Repo: testRepo, Commit: w.repo.Commit("main", w.files), File: File{Path: "config.json", Size: 23}}
	broken := errors.New("disk")
	if err := w.client().Span(t.Context(), src, 0, 5, failing{broken}); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: %v", err)
	}
	w.hub.Inject(-1, "resolve", "", hubtest.Fault{Status: 503})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.client().Span(ctx, src, 0, 5, io.Discard); err == nil {
		t.Error("cancelled: no error")
	}
	w.o.Offline = true
	if err := w.client().Span(t.Context(), src, 0, 5, io.Discard); !errors.Is(err, ErrOffline) {
		t.Errorf("offline: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
