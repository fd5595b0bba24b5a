package hfhub

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/google/go-cmp/cmp"
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if endpoint := os.Getenv("HFHUB_TEST_ENDPOINT"); endpoint != "" {
		if err := pullChild(endpoint, os.Getenv("HFHUB_TEST_CACHE")); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// pullChild pulls with the block size and options of the real client.
func pullChild(endpoint, dir string) error {
	c, err := New(Options{Endpoint: endpoint, Token: testToken})
	if err != nil {
		return err
	}
	cache, err := OpenCache(dir, true)
	if err != nil {
		return err
	}
	_, err = c.Pull(context.Background(), cache, Request{Repo: testRepo}, progress.Discard)
	return err
}

// kills is how often the process is killed; killSize is what it pulls.
var kills = flag.Int("kills", 5, "how often TestKill kills")

const killSize = 256 << 20

// TestKill kills the pulling process at random moments. The next process must
// fetch no block that the journal has, and in the end nothing but the right
// bytes is there.
func TestKill(t *testing.T) {
	w := newWorld(t)
	w.files = map[string]hubtest.File{"w.bin": hubtest.LFS(hubtest.Random(5, killSize))}
	w.repo.Commit("main", w.files)
	etag := ""
	asked := int64(0)
	for i := range *kills {
		journalled := w.journalled()
		w.hub.Forget()
		cmd := w.child()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Early and late in the life of a process that may fetch it all.
		time.Sleep(time.Duration(rand.Int64N(int64(20*time.Millisecond) + int64(i%50)*int64(time.Millisecond)*8)))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		w.checkAsked(journalled)
		asked += int64(w.hub.Count("cdn"))
		if p := w.partials(); len(p) > 0 {
			etag = p[0]
		} else if etag != "" {
			// It was finished before the kill; begin again.
			if err := os.RemoveAll(w.dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d kills, %d ranges asked for", *kills, asked)
	journalled := w.journalled()
	w.hub.Forget()
	if out, err := w.child().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.checkAsked(journalled)
	w.mustPull()
	w.checkNames()
	if o := w.orphans(); len(o) > 0 {
		t.Errorf("orphans: %q", o)
	}
}

func (w *world) child() *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HFHUB_TEST_ENDPOINT="+w.hub.URL, "HFHUB_TEST_CACHE="+w.dir)
	return cmd
}

// journalled reads the spans of the one journal, as the next process will.
func (w *world) journalled() map[int64]bool {
	done := map[int64]bool{}
	for _, o := range w.orphans() {
		if !strings.HasSuffix(o, journalSuffix) {
			continue
		}
		b, err := os.ReadFile(o)
		if err != nil {
			w.t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			var r record
			if json.Unmarshal([]byte(line), &r) != nil || r.Done == nil {
				continue
			}
			for at := r.Done[0]; at < r.Done[1]; at += blockBytes {
				done[at] = true
			}
		}
	}
	return done
}

// partials lists the digests of partial files.
func (w *world) partials() []string {
	var out []string
	for _, o := range w.orphans() {
		if strings.HasSuffix(o, partialSuffix) {
			out = append(out, filepath.Base(o))
		}
	}
	return out
}

// checkAsked fails if a range was asked for that was there.
func (w *world) checkAsked(done map[int64]bool) {
	w.t.Helper()
	for _, r := range w.hub.Records() {
		if r.Kind() != "cdn" {
			continue
		}
		from, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
		at, err := strconv.ParseInt(from, 10, 64)
		if err != nil || done[at/blockBytes*blockBytes] {
			w.t.Errorf("asked for %q, which is in the journal", r.Header.Get("Range"))
		}
	}
}

// TestResume counts what a second process fetches after a failure.
func TestResume(t *testing.T) {
	w := newWorld(t)
	w.o.Jobs, w.o.Retries = 1, 1
	w.hub.Inject(5, "cdn", "big", hubtest.Fault{})
	w.hub.Inject(-1, "cdn", "big", hubtest.Fault{Cut: true})
	if _, err := w.pull(); !errors.Is(err, ErrRemote) {
		t.Fatal(err)
	}
	w.hub.Heal()
	w.hub.Forget()
	p := w.mustPull()
	if want := int64(bigSize - 5*testBlock); p.Fetched["sub/big.bin"] != want {
		t.Errorf("fetched %d bytes, want %d", p.Fetched["sub/big.bin"], want)
	}
}

// TestBadJournal: a journal that is not of the partial file counts for
// nothing, and what a wrong one vouches for is found out.
func TestBadJournal(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, partial, journal string)
	}{
		{"no partial", func(_ *testing.T, partial, _ string) { os.Remove(partial) }},
		{"cut partial", func(_ *testing.T, partial, _ string) { os.Truncate(partial, 100) }},
		{"no journal", func(_ *testing.T, _, journal string) { os.Remove(journal) }},
		{"garbage", func(_ *testing.T, _, journal string) { os.WriteFile(journal, []byte("{"), 0o666) }},
		{"other format", func(t *testing.T, _, journal string) { edit(t, journal, `"format":2`, `"format":1`) }},
		{"other size", func(t *testing.T, _, journal string) { edit(t, journal, `"size":4`, `"size":5`) }},
		{"wild spans", func(t *testing.T, _, journal string) {
			edit(t, journal, `{"done":[0,`, `{"safe":[[-9223372036854775808,-5],[5,3],[400000,9223372036854775807]]}`+"\n"+`{"done":[0,`)
		}},
		{"content lost in a crash", func(_ *testing.T, partial, _ string) {
			os.Truncate(partial, 0)
			os.Truncate(partial, bigSize)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.o.Jobs, w.o.Retries = 1, 1
			w.hub.Inject(5, "cdn", "big", hubtest.Fault{})
			w.hub.Inject(-1, "cdn", "big", hubtest.Fault{Cut: true})
			if _, err := w.pull(); !errors.Is(err, ErrRemote) {
				t.Fatal(err)
			}
			var partial, journal string
			for _, o := range w.orphans() {
				switch {
				case strings.HasSuffix(o, partialSuffix):
					partial = o
				case strings.HasSuffix(o, journalSuffix):
					journal = o
				}
			}
			if partial == "" || journal == "" {
				t.Fatalf("orphans: %q", w.orphans())
			}
			tt.damage(t, partial, journal)
			w.hub.Heal()
			w.mustPull()
			w.checkNames()
			if o := w.orphans(); len(o) > 0 {
				t.Errorf("orphans: %q", o)
			}
		})
	}
}

func edit(t *testing.T, name, from, to string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(b), from) {
		t.Fatalf("%s: %v: %s", name, err, b)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(b), from, to, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestJournal reads journals as they may be found.
func TestJournal(t *testing.T) {
	const (
		other = `{"head":{"format":2,"etag":"E","size":100,"boot":"another"}}`
		safe  = `{"safe":[[0,10],[20,30]]}`
		done  = `{"done":[40,50]}`
	)
	head := strings.Replace(other, "another", bootID(), 1)
	tests := []struct {
		name  string
		lines []string
		want  []extent
		ok    bool
	}{
		{"none", nil, nil, false},
		{"no header", []string{done, safe}, []extent{{0, 10}, {20, 30}}, false},
		{"of this boot", []string{"", head, done, safe}, []extent{{40, 50}, {0, 10}, {20, 30}}, true},
		{"of another boot", []string{other, done, safe}, []extent{{0, 10}, {20, 30}}, true},
		{"of both", []string{other, `{"done":[60,70]}`, head, done}, []extent{{40, 50}}, true},
		{"a line cut off", []string{head, `{"done":[60,7`, head, done}, []extent{{40, 50}}, true},
		{"zeros", []string{head, done, "\x00\x00\x00"}, []extent{{40, 50}}, true},
		{"other content later", []string{head, done, strings.Replace(head, "100", "101", 1)}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root, err := os.OpenRoot(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			if err := root.WriteFile("j", []byte(strings.Join(tt.lines, "\n")), 0o666); err != nil {
				t.Fatal(err)
			}
			p := &partial{place: place{root: root, journal: "j"}, source: Source{File: File{SHA256: "E", Size: 100}}}
			got, ok := p.readJournal()
			if ok != tt.ok {
				t.Errorf("ok is %v", ok)
			}
			if diff := cmp.Diff(tt.want, got); ok && diff != "" {
				t.Errorf("extents (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSafe: what was synced counts after the machine went down.
func TestSafe(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	src := Source{File: File{SHA256: "E", Size: 2*syncEvery + 1}}
	p, err := openPartial(t.Context(), place{root, "l", "p", "j"}, src, "", syncEvery/2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{2, 0, 4} { // the last one comes after the sync
		if fresh, err := p.finish(i); !fresh || err != nil {
			t.Fatal(fresh, err)
		}
	}
	edit(t, filepath.Join(root.Name(), "j"), `"boot":"`, `"boot":"another `)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p, err = openPartial(t.Context(), p.place, src, "", syncEvery/2, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if diff := cmp.Diff([]int{1, 3, 4}, p.missing()); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	// A line that was cut off does not swallow the next one.
	log, err := root.OpenFile("j", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.WriteString("\n{\"done\":["); err != nil {
		t.Fatal(err)
	}
	log.Close()
	if _, err := p.finish(3); err != nil {
		t.Fatal(err)
	}
	from, to := p.span(3)
	if there, _ := p.readJournal(); !slices.Contains(there, extent{from, to}) {
		t.Errorf("the journal has %v", there)
	}
}

// TestTogether pulls with several clients at once: every file comes once.
func TestTogether(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := w.pull(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.mustPull()
	w.checkNames()
	if n := w.hub.Sent(); n > bigSize+10_000 {
		t.Errorf("%d bytes were sent for %d", n, bigSize)
	}
	if o := w.orphans(); len(o) > 0 {
		t.Errorf("orphans: %q", o)
	}
}

// TestPrunedMeanwhile: "hf cache prune" removes partial files that are being
// written; the file is begun again.
func TestPrunedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.o.Jobs = 1
	w.hub.Inject(2, "cdn", "big", hubtest.Fault{})
	w.hub.Inject(1, "cdn", "big", hubtest.Fault{Do: func() {
		names, err := filepath.Glob(filepath.Join(w.dir, "*/blobs/*.incomplete"))
		if err != nil || len(names) == 0 {
			t.Error(names, err)
		}
		for _, name := range names {
			if err := os.Remove(name); err != nil {
				t.Error(err)
			}
		}
	}})
	w.mustPull()
	w.checkNames()
}

// TestCancel keeps what came.
func TestCancel(t *testing.T) {
	w := newWorld(t)
	w.o.Jobs = 1
	ctx, cancel := context.WithCancel(context.Background())
	w.hub.Inject(3, "cdn", "big", hubtest.Fault{})
	w.hub.Inject(1, "cdn", "big", hubtest.Fault{Stall: true, Do: cancel})
	_, err := w.client().Pull(ctx, w.cache(), Request{Repo: testRepo}, progress.Discard)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	w.hub.Heal()
	p := w.mustPull()
	if want := int64(bigSize - 3*testBlock); p.Fetched["sub/big.bin"] != want {
		t.Errorf("fetched %d bytes, want %d", p.Fetched["sub/big.bin"], want)
	}
}
