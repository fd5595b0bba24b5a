package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/internal/dirstore"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/zfsstore"
	"github.com/urfave/cli/v2"
)

// storeFlags are the short forms of the global flag --store.
func storeFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "zfs", Usage: "the store is in the ZFS dataset `DS`; short for --store zfs:DS"},
		&cli.StringFlag{Name: "dir", Usage: "the store is in the folder `D`; short for --store dir:D"},
	}, more...)
}

// storeAt is where a store is.
type storeAt struct{ kind, at string }

// Kinds of places.
const (
	zfsPlace = "zfs"
	dirPlace = "dir"
)

// String is the place as --store takes it.
func (p storeAt) String() string { return p.kind + ":" + p.at }

// flag is the place as a flag to type.
func (p storeAt) flag() string { return "--" + p.kind + " " + word(p.at) }

// storePlace decides where the store is: by the command line, else by the
// environment, else by the configuration file, else below the home folder.
func (c *call) storePlace() (storeAt, error) {
	var found []flagValue
	var places []storeAt
	for _, name := range []string{"store", zfsPlace, dirPlace} {
		v, ok := c.parsed.flags[name]
		if !ok {
			continue
		}
		p, err := placeOf(name, v)
		if err != nil {
			return storeAt{}, err
		}
		found, places = append(found, v), append(places, p)
	}
	if len(found) == 0 {
		return defaultPlace(os.Getenv)
	}
	best := slices.MinFunc(found, func(a, b flagValue) int { return a.rank() - b.rank() })
	chosen := -1
	for i, v := range found {
		switch {
		case v.rank() != best.rank():
		case chosen < 0:
			chosen = i
		case places[i] != places[chosen]:
			return storeAt{}, usagef("%s and %s name two stores, %s and %s", found[chosen].from, v.from, places[chosen], places[i])
		}
	}
	return places[chosen], nil
}

// storeGiven reports whether anything says where the store is.
func (c *call) storeGiven() bool {
	for _, name := range []string{"store", zfsPlace, dirPlace} {
		if _, ok := c.parsed.flags[name]; ok {
			return true
		}
	}
	return false
}

// rank orders where a value comes from, the strongest first.
func (v flagValue) rank() int {
	switch {
	case strings.HasPrefix(v.from, "-"):
		return 0
	case strings.HasPrefix(v.from, envName("")):
		return 1
	}
	return 2
}

// placeOf reads the value of --store, --zfs or --dir.
func placeOf(name string, v flagValue) (storeAt, error) {
	p := storeAt{name, v.text}
	if name == "store" {
		kind, at, ok := strings.Cut(v.text, ":")
		if !ok || kind != zfsPlace && kind != dirPlace {
			return storeAt{}, usagef("%s cannot be %q", v.from, v.text).suggest("--store dir:FOLDER or --store zfs:DATASET")
		}
		p = storeAt{kind, at}
	}
	if p.at == "" {
		return storeAt{}, usagef("%s is empty", v.from).suggest("--store dir:FOLDER or --store zfs:DATASET")
	}
	return p, nil
}

// defaultPlace is where data of programs belongs (XDG Base Directory
// Specification 0.8).
func defaultPlace(getenv func(string) string) (storeAt, error) {
	base := getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(base) { // others are to be ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return storeAt{}, usagef("where to keep models is not known: %w", err).suggest("name a folder with --dir")
		}
		base = filepath.Join(home, ".local", "share")
	}
	return storeAt{dirPlace, filepath.Join(base, program)}, nil
}

// openStore opens the store that the call is about.
func openStore(ctx context.Context, c *call) (store.Store, storeAt, error) {
	p, err := c.storePlace()
	if err != nil {
		return nil, p, err
	}
	c.log.Debug("store", "place", p)
	s, err := openPlace(ctx, p)
	return s, p, err
}

// openPlace opens the store at a place.
func openPlace(ctx context.Context, p storeAt) (store.Store, error) {
	if p.kind == zfsPlace {
		s, err := zfsstore.Open(ctx, p.at)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := dirstore.Open(p.at)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// warnOf tells what is odd about a store.
func (c *call) warnOf(ctx context.Context, s store.Store) error {
	w, ok := s.(store.Warner)
	if !ok {
		return nil
	}
	texts, err := w.Warnings(ctx)
	for _, text := range texts {
		c.warn("%s", printable(text))
	}
	return err
}

// refArg reads NAME or NAME@VERSION.
func refArg(c *call, arg string, needVersion bool) (store.Ref, error) {
	ref, err := store.ParseRef(arg)
	if err == nil && needVersion && ref.Version == "" {
		err = fmt.Errorf("%w: %q has no version", store.ErrName, arg)
	}
	if err != nil {
		form := "NAME[@VERSION]"
		if needVersion {
			form = "NAME@VERSION"
		}
		return ref, hinted(err, "%s %s %s; %s ls shows what there is", program, c.parsed.command, form, program)
	}
	return ref, nil
}
