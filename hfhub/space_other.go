//go:build !(darwin || linux)

package hfhub

import "io/fs"

// freeSpace does not know.
func freeSpace(string) (int64, bool) { return 0, false }

func allocated(info fs.FileInfo) int64 { return info.Size() }
