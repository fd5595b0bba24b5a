package zfsstore

// Properties of our own. ZFS passes them on to everything below a dataset, so
// that one means something only where its source is the dataset itself.
const (
	propStore   = "bitnet-tool:store"   // "1" on a dataset that Begin created
	propState   = "bitnet-tool:state"   // stateIncoming or stateComplete
	propCurrent = "bitnet-tool:current" // of a name: the current version
	propDigest  = "bitnet-tool:digest"  // of a snapshot: the version's digest
	propPublish = "bitnet-tool:publish" // NAME@VERSION until its publication is finished
)

const (
	stateIncoming = "incoming" // being written
	stateComplete = "complete" // durable, and what the snapshot holds
)

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
