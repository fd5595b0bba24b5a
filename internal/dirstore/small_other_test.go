//go:build !linux

package dirstore

import (
	"testing"

	"github.com/akadata/bitnet-tool/internal/store"
)

func smallStore(t *testing.T, _ int64) store.Store {
	t.Skip("mounts a small file system on Linux only")
	return nil
}
