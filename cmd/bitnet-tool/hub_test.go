package main

import (
	"flag"
	"os"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"

	"github.com/akadata/bitnet-tool/internal/hubtest"
)

// hubCmd starts a Hub with the repositories that scripts about pulling use.
func hubCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: hub")
	}
	hub, err := hubtest.New()
	ts.Check(err)
	ts.Defer(func() { hub.Close() })
	model := map[string]hubtest.File{
		"config.json": hubtest.Text("{}"),
		"sub/a.txt":   hubtest.Text("a"),
		"sub/b.bin":   hubtest.LFS(hubtest.Random(1, 100_000)),
	}
	hub.Repo("models", "ns/model").Commit("main", model)
	gated := hub.Repo("models", "ns/gated")
	gated.Gated = "auto"
	gated.Commit("main", model)
	hub.Repo("models", "ns/hostile").Commit("main", map[string]hubtest.File{"../x": hubtest.Text("x")})
	ts.Setenv("HF_ENDPOINT", hub.URL)
	ts.Setenv("HF_HOME", ts.MkAbs("home"))
}

func TestByteRate(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "1": 1, "500k": 500 << 10, "20M": 20 << 20, "1G": 1 << 30,
		"0": -1, "-5": -1, "x": -1, "5kk": -1, "5T": -1, "9999999999999G": -1, "k": -1,
	} {
		got, err := byteRate(text)
		if want < 0 && err == nil || want >= 0 && (err != nil || got != want) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

// TestNotifyTogether: a download warns from several goroutines.
func TestNotifyTogether(t *testing.T) {
	t.Setenv("HF_HOME", t.TempDir())
	quiet := &parsed{flags: flagValues{"quiet": {text: "true"}}}
	c, err := newCall(quiet, streams{os.Stdin, os.Stdout, os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	set := flag.NewFlagSet("", flag.PanicOnError)
	c.flags = cli.NewContext(nil, set, nil)
	s, err := hubSettings(c)
	if err != nil {
		t.Fatal(err)
	}
	const each = 1000
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range each {
				s.Options.Notify("slow")
			}
		})
	}
	wg.Wait()
	if len(c.warnings) != 8*each {
		t.Errorf("%d warnings of %d", len(c.warnings), 8*each)
	}
}
