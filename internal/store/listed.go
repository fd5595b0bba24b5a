package store

import (
	"cmp"
	"slices"
	"time"
)

// Listed is a row of [Store.List].
type Listed struct {
	Info Info
	Err  error
}

// SortListed puts rows of one name in the order of List: by the time of
// publishing, then by version. Those without a manifest come first.
func SortListed(rows []Listed) {
	published := func(r Listed) time.Time {
		if r.Info.Manifest == nil {
			return time.Time{}
		}
		return r.Info.Manifest.Time
	}
	slices.SortFunc(rows, func(a, b Listed) int {
		return cmp.Or(published(a).Compare(published(b)), cmp.Compare(a.Info.Ref.Version, b.Info.Ref.Version))
	})
}
