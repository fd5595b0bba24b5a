package zfsstore

import (
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Properties of our own. ZFS passes them on to everything below a dataset, so
// that one means something only where its source is the dataset itself.
const (
	propStore   = "bitnet-tool:store"   // "1" on a dataset that Begin created
	propState   = "bitnet-tool:state"   // stateIncoming or stateComplete
	propCurrent = "bitnet-tool:current" // of a name: the current version
	propDigest  = "bitnet-tool:digest"  // of a snapshot: the version's digest
	propPublish = "bitnet-tool:publish" // an intent, until it is fulfilled
)

const (
	stateIncoming = "incoming" // being written
	stateComplete = "complete" // durable, and what the snapshot holds
)

// intent is what a complete staging area is for: to become this version, and
// its name's current one, or to take the place of this version, which it repairs.
type intent struct {
	ref    store.Ref
	repair bool
}

const repairing = "repair "

func (i intent) String() string {
	if i.repair {
		return repairing + i.ref.String()
	}
	return i.ref.String()
}

// intent tells what is to become of a dataset, or what it became and has to be
// finished.
func (d dataset) intent() (i intent, ok bool) {
	text, repair := strings.CutPrefix(d.local(propPublish), repairing)
	ref, err := store.ParseRef(text)
	return intent{ref, repair}, err == nil && ref.Version != ""
}

// complete gives the intent of a staging area that has all it takes.
func (d dataset) complete() (i intent, ok bool) {
	i, ok = d.intent()
	return i, ok && d.local(propState) == stateComplete
}

// creation are the properties of datasets for model files: few, large, written
// once, read by memory mapping in small pieces. docs/guide/zfs.md gives the
// reason and measurement for each. They are set when a dataset is made and
// never changed.
var creation = [][2]string{
	{"recordsize", "1M"},
	{"compression", "zstd"},
	{"atime", "off"},
	{"xattr", "sa"},
	{"primarycache", "all"},
	{"sync", "standard"},
	{"dedup", "off"},
	{"redundant_metadata", "all"},
	{"checksum", "on"},
}

// creationWith adds properties to those of every dataset.
func creationWith(more map[string]string) map[string]string {
	for _, p := range creation {
		more[p[0]] = p[1]
	}
	return more
}
