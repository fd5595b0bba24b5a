package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/demo"
	"github.com/akadata/bitnet-tool/internal/hubtest"
)

// demoRepo is what the model is called on the Hub of this process.
var demoRepo = hfhub.Repo{Type: hfhub.Model, ID: "demo/" + demo.Name}

// demoPull fetches the masters from a Hub in this process into a cache at dir,
// and returns their folder. Neither the environment nor the real Hub matters.
func demoPull(ctx context.Context, c *call, dir string) (string, error) {
	hub, err := demoHub()
	if err != nil {
		return "", err
	}
	defer hub.Close() //nolint:errcheck // all that was asked for is there
	client, err := hfhub.New(hfhub.Options{
		Endpoint: hub.URL, UserAgent: program + "/" + version,
		Notify: func(text string) { c.warn("%s", printable(text)) },
	})
	if err != nil {
		return "", err
	}
	cache, err := hfhub.OpenCache(dir, true)
	if err != nil {
		return "", err
	}
	defer cache.Close() //nolint:errcheck // every file in it was synced
	pulled, err := client.Pull(ctx, cache, hfhub.Request{Repo: demoRepo, Revision: "main"}, c.progress)
	if err != nil {
		return "", err
	}
	return pulled.Path, nil
}

// demoHub starts a Hub that has the model, weights in LFS.
func demoHub() (*hubtest.Hub, error) {
	files, err := demo.Files()
	if err != nil {
		return nil, err
	}
	served := map[string]hubtest.File{}
	for name, data := range files {
		content := hubtest.Bytes(string(data))
		served[name] = hubtest.File{Content: content, LFS: strings.HasSuffix(name, ".safetensors")}
	}
	hub, err := hubtest.New()
	if err != nil {
		return nil, fmt.Errorf("start a Hub on loopback: %w", err)
	}
	hub.Repo("models", demoRepo.ID).Commit("main", served)
	return hub, nil
}

// checkEmpty refuses a folder that holds something.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		return failf(exitRefused, "%s is not empty", dir).suggest("choose a --dir that does not exist or is empty")
	}
	return err
}
