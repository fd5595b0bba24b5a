package zfsstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// dataset is what "zfs get" tells of a filesystem or snapshot.
type dataset struct {
	name  string
	props map[string]property
}

type property struct{ value, source string }

// get gives the value of a property, wherever it comes from.
func (d dataset) get(name string) string { return d.props[name].value }

// own gives the value of a property that was set on the dataset itself, by
// this machine or by the one that sent it.
func (d dataset) own(name string) string {
	if p := d.props[name]; p.source == "local" || p.source == "received" {
		return p.value
	}
	return ""
}

// local gives the value of a property that was set here: only that makes a
// dataset ours to destroy.
func (d dataset) local(name string) string {
	if p := d.props[name]; p.source == "local" {
		return p.value
	}
	return ""
}

func (d dataset) mounted() bool { return d.get("mounted") == "yes" }

// dir is where the dataset is mounted, "" if it is not or if that is up to
// fstab.
func (d dataset) dir() string {
	if m := d.get("mountpoint"); d.mounted() && strings.HasPrefix(m, "/") {
		return m
	}
	return ""
}

// readProperties asks for properties of a dataset and of what lies at most
// depth levels below it. A dataset that is not there is [store.ErrNotFound].
func (s *Store) readProperties(ctx context.Context, name string, depth int, types string, props ...string) ([]dataset, error) {
	out, err := run(ctx, s.commands.zfs, "get", "-Hp", "-r", "-d", fmt.Sprint(depth), "-t", types,
		"-o", "name,property,value,source", strings.Join(props, ","), name)
	if err != nil {
		return nil, err
	}
	return parseProperties(out)
}

// parseProperties reads the lines name, property, value, source. A value may
// hold tabs if an administrator wrote it.
func parseProperties(out string) ([]dataset, error) {
	byName := map[string]dataset{}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) < 4 {
			return nil, fmt.Errorf("zfs get: cannot read the line %.200q", line)
		}
		d, known := byName[f[0]]
		if !known {
			d = dataset{f[0], map[string]property{}}
			byName[f[0]] = d
		}
		last := len(f) - 1
		d.props[f[1]] = property{strings.Join(f[2:last], "\t"), f[last]}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b dataset) int { return strings.Compare(a.name, b.name) }), nil
}

// contents is the whole store, read by one command.
type contents struct {
	root      dataset
	incoming  bool // there is a dataset for staging areas
	staging   []dataset
	names     map[string]dataset // by model name
	versions  []version          // sorted by name and version
	hidden    []version          // publication was cut short before they were mounted
	snapshots map[string]dataset // ours, by the dataset they are of
}

// version is a published version.
type version struct {
	dataset
	ref store.Ref
}

// unfinished gives the intent of a version that was renamed, and perhaps not
// mounted and made current.
func (v version) unfinished() (i intent, ok bool) {
	i, ok = v.intent()
	return i, ok && i.ref == v.ref
}

// read lists the store. One that is not there is [store.ErrNotFound].
func (s *Store) read(ctx context.Context) (*contents, error) {
	// A version is two levels below the store, its snapshot three.
	all, err := s.readProperties(ctx, s.dataset, 3, "filesystem,snapshot",
		"mounted", "mountpoint", "readonly", "available", propState, propCurrent, propDigest, propPublish)
	if err != nil {
		return nil, err
	}
	c := &contents{names: map[string]dataset{}, snapshots: map[string]dataset{}}
	for _, d := range all {
		if of, snapshot, ok := strings.Cut(d.name, "@"); ok {
			if snapshot == tag {
				c.snapshots[of] = d
			}
			continue
		}
		if d.name == s.dataset {
			c.root = d
			continue
		}
		parts, _ := s.within(d.name)
		switch {
		case parts[0] == incoming && len(parts) == 1:
			c.incoming = true
		case parts[0] == incoming && len(parts) == 2:
			c.staging = append(c.staging, d)
		case !store.ValidName(parts[0]):
			// Somebody else's.
		case len(parts) == 1:
			c.names[parts[0]] = d
		case len(parts) == 2 && store.ValidVersion(parts[1]) && d.own(propState) == stateComplete:
			v := version{d, store.Ref{Name: parts[0], Version: parts[1]}}
			// One that was repaired had been seen before.
			if i, ok := v.unfinished(); ok && !i.repair && !v.mounted() {
				c.hidden = append(c.hidden, v)
			} else {
				c.versions = append(c.versions, v)
			}
		}
	}
	slices.SortFunc(c.versions, func(a, b version) int { // datasets are in another order: "-" sorts before "/"
		return cmp.Or(strings.Compare(a.ref.Name, b.ref.Name), strings.Compare(a.ref.Version, b.ref.Version))
	})
	return c, nil
}

// has finds a published version.
func (c *contents) has(r store.Ref) (version, bool) {
	for _, v := range c.versions {
		if v.ref == r {
			return v, true
		}
	}
	return version{}, false
}

// mayHold refuses a name under which there is a dataset that is not ours: it
// would be changed by becoming that of versions.
func (c *contents) mayHold(name string) error {
	if d, there := c.names[name]; there && d.own(propCurrent) == "" {
		return fmt.Errorf("%w: %s was not made by bitnet-tool; choose another name with --as", store.ErrConflict, d.name)
	}
	return nil
}

// of gives the versions of a name.
func (c *contents) of(name string) (vs []version) {
	for _, v := range c.versions {
		if v.ref.Name == name {
			vs = append(vs, v)
		}
	}
	return vs
}

// current gives the current version of a name: the recorded one if it is
// there, else the only one, else "".
func (c *contents) current(name string) string {
	recorded := c.names[name].own(propCurrent)
	if _, ok := c.has(store.Ref{Name: name, Version: recorded}); ok {
		return recorded
	}
	if vs := c.of(name); len(vs) == 1 {
		return vs[0].ref.Version
	}
	return ""
}

// info describes a version as far as ZFS knows it.
func (c *contents) info(v version) store.Info {
	info := store.Info{Ref: v.ref, Current: c.current(v.ref.Name) == v.ref.Version, Dir: v.dir()}
	if snapshot, ok := c.snapshots[v.name]; ok {
		info.Snapshot = snapshot.name
		if d, err := store.ParseDigest(snapshot.own(propDigest)); err == nil {
			info.Digest = d
		}
	}
	return info
}

// open opens a version.
func (c *contents) open(v version) (*store.Folder, error) {
	info := c.info(v)
	switch mountpoint := v.get("mountpoint"); {
	case !v.mounted():
		return nil, fmt.Errorf("%w: %s is not mounted: run sudo zfs mount %s", store.ErrUnavailable, v.ref, v.name)
	case info.Dir == "":
		return nil, fmt.Errorf("%w: %s has mountpoint=%s: give it a path by sudo zfs set mountpoint=PATH %s", store.ErrUnavailable, v.ref, mountpoint, v.name)
	}
	folder, err := store.OpenFolder(info)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", info.Dir, err)
	}
	return folder, nil
}
