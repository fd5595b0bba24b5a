package main

import (
	"context"
	"fmt"
	"io"

	"github.com/akadata/bitnet-tool/internal/store"
)

func lsCommand() command {
	return command{
		name:  "ls",
		about: "list the models in a store",
		flags: storeFlags(),
		run:   runLs,
	}
}

// lsResult is what a store holds.
type lsResult struct {
	Store string       `json:"store"`
	Items []lsItemJSON `json:"items"`
}

type lsItemJSON struct {
	Name    string       `json:"name"`
	Version string       `json:"version"`
	Current bool         `json:"current"`
	Digest  store.Digest `json:"digest"` // "" if it cannot be read
	Bytes   int64        `json:"bytes"`
	Source  store.Source `json:"source"`
	Path    string       `json:"path"`
	Error   string       `json:"error,omitempty"` // why the version cannot be read
}

func runLs(ctx context.Context, c *call) (result, error) {
	s, at, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	res := &lsResult{Store: at.String(), Items: []lsItemJSON{}}
	for info, err := range s.List(ctx) {
		if err != nil && info.Ref.Name == "" {
			return nil, err
		}
		item := lsItemJSON{Name: info.Ref.Name, Version: info.Ref.Version, Current: info.Current, Digest: info.Digest, Path: info.Dir}
		if info.Manifest != nil {
			item.Bytes, item.Source = info.Manifest.Size(), info.Manifest.Source
		}
		if err != nil {
			item.Error = err.Error()
			c.warn("%s", printable(err.Error()))
		}
		res.Items = append(res.Items, item)
	}
	if len(res.Items) == 0 {
		c.note("%s holds no models; %s store puts one in", at, program)
	}
	return res, nil
}

func (r *lsResult) text(w io.Writer) {
	var rows [][]string
	for _, i := range r.Items {
		current := ""
		if i.Current {
			current = "current"
		}
		size, source := humanBytes(i.Bytes), printable(sourceText(i.Source))
		if i.Error != "" {
			size, source = "?", "unreadable"
		}
		rows = append(rows, []string{fmt.Sprintf("%s@%s", i.Name, i.Version), size, current, source})
	}
	table(w, rows, 1)
}
