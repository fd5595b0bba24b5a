package zfsstore

import (
	"fmt"
	"slices"
	"testing"

	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

// Steps of Commit at which a crash is tried, here where the system lives on;
// the power is cut at more of them, see cuts. From the second one on the next
// process publishes the version.
var (
	crashPoints     = []string{"unmount", "rename", "mount"}
	publishedPoints = crashPoints[1:]
)

func TestConformance(t *testing.T) {
	p, name := newPool(t, 512<<20), fresh()
	storetest.Run(t, storetest.Backend{
		New:       func(t *testing.T) store.Store { return p.store(t, name()) },
		Another:   func(t *testing.T, s store.Store) store.Store { return open(t, s.(*Store).dataset) },
		Die:       func(_ *testing.T, x store.Tx) { x.(*tx).close() },
		Points:    crashPoints,
		Published: func(point string) bool { return slices.Contains(publishedPoints, point) },
		CrashAt: func(t *testing.T, s store.Store, point string) store.Store {
			c := open(t, s.(*Store).dataset)
			c.stop = func(step string) error {
				if step == point {
					return storetest.ErrCrash
				}
				return nil
			}
			return c
		},
		Small: func(t *testing.T, free int64) store.Store {
			dataset := p.name + "/" + name()
			command(t, "zfs", "create", "-o", fmt.Sprintf("quota=%d", free), dataset)
			return open(t, dataset)
		},
	})
}
