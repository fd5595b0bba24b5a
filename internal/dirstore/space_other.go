//go:build !(darwin || linux)

package dirstore

import "io/fs"

func freeSpace(string) (int64, bool)   { return 0, false }
func deviceOf(info fs.FileInfo) uint64 { return 0 }
