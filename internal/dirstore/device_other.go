//go:build !(darwin || linux)

package dirstore

import "io/fs"

func deviceOf(info fs.FileInfo) uint64 { return 0 }
