package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/pipeline"
	"github.com/akadata/bitnet-tool/internal/store"
)

// repairFlags are those of fsck that are about repairing.
func repairFlags() []cli.Flag {
	return []cli.Flag{
		boolFlag("repair", "make damaged files anew from their good parts and what the Hub or other versions have"),
		&cli.StringFlag{Name: "from", Usage: "with --repair, take parts from the store `PLACE` too: dir:FOLDER or zfs:DATASET"},
		&cli.StringFlag{Name: "token-file", Usage: "with --repair, read the Hub's token from `F`", DefaultText: "as HF_TOKEN and HF_TOKEN_PATH say"},
		boolFlag("offline", "with --repair, do not ask the Hub"),
	}
}

// repairer knows who may have what a version lacks. A nil one repairs nothing.
type repairer struct {
	c      *call
	store  store.Store
	donors []store.Donor
	hub    *hfhub.Client // nil: is not to be asked
}

// newRepairer gives nil unless a repair was asked for.
func newRepairer(ctx context.Context, c *call, s store.Store) (*repairer, error) {
	if !c.flags.Bool("repair") {
		for _, name := range []string{"from", "token-file", "offline"} {
			if c.flags.IsSet(name) {
				return nil, usagef("--%s is for --repair", name)
			}
		}
		return nil, nil
	}
	r := &repairer{c: c, store: s, donors: []store.Donor{store.Versions{Store: s}}}
	if from := c.flags.String("from"); c.flags.IsSet("from") {
		p, err := placeOf("store", flagValue{text: from, from: "--from"})
		if err != nil {
			return nil, err
		}
		other, err := openPlace(ctx, p)
		if err != nil {
			return nil, err
		}
		r.donors = append(r.donors, store.Versions{Store: other})
	}
	h, err := hubSettings(c)
	if err != nil || h.Options.Offline {
		return r, err
	}
	if r.hub, err = hfhub.New(h.Options); err != nil {
		return nil, usagef("%w", err)
	}
	return r, nil
}

// repair makes damaged files of a version, which is closed, anew and marks what
// is good again.
func (r *repairer) repair(ctx context.Context, info store.Info, found []store.Damage, item *fsckItemJSON) error {
	if r == nil || len(found) == 0 {
		return nil
	}
	donors := slices.Clone(r.donors)
	if r.hub != nil {
		if d, ok := pipeline.NewHubDonor(r.hub, info.Manifest.Source); ok {
			donors = append(donors, d)
		}
	}
	done, err := store.Mend(ctx, r.store, info, found, donors, r.c.progress)
	for _, note := range done.Notes {
		r.c.warn("%s", printable(note))
	}
	if err != nil {
		return err
	}
	for _, l := range done.Lacks {
		r.c.warn("%s: nobody has the %s of %s that it lacks", info.Ref, humanBytes(l.Bytes), printable(l.File))
	}
	for i, f := range item.Findings {
		item.Findings[i].Repaired = f.Kind != store.Extra && slices.Contains(done.Files, f.File)
	}
	return nil
}

// repairHint says how a finding could be made good.
func repairHint(ref string, f findingJSON, tried bool) string {
	switch {
	case f.Kind == store.Extra:
		return "move it out of the version; " + program + " touches only what it stored"
	case f.Kind == store.Broken:
		return program + " rm " + ref + ", then import it or store it again"
	case tried:
		return program + " fsck " + ref + " --repair --from PLACE takes it from another store, or: " + program + " rm " + ref + ", then " + program + " store"
	}
	return program + " fsck " + ref + " --repair fetches what is damaged"
}
