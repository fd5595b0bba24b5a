package hfhub

import (
	"encoding/json"
	"os"
)

// treeFile is the list of a commit's files as huggingface_hub keeps it since
// 1.22 (src/huggingface_hub/_tree_cache.py), so that a snapshot can be proven
// complete without the network.
type treeFile struct {
	Format int                 `json:"format_version"`
	Files  map[string]treeItem `json:"files"`
}

type treeItem struct {
	Size   int64  `json:"size"`
	OID    string `json:"blob_id"`
	SHA256 string `json:"lfs_sha256,omitempty"`
	LFS    *int64 `json:"lfs_size,omitempty"`
	Xet    string `json:"xet_hash,omitempty"`
}

const treeFormat = 1

// encodeTree gives the content of the file.
func encodeTree(files []File) ([]byte, error) {
	t := treeFile{treeFormat, make(map[string]treeItem, len(files))}
	for _, f := range files {
		item := treeItem{Size: f.Size, OID: f.OID, SHA256: f.SHA256, Xet: f.Xet}
		if f.SHA256 != "" {
			item.LFS = &f.Size
		}
		t.Files[f.Path] = item
	}
	return json.Marshal(t)
}

// readTree gives the list, if there is one that we understand.
func readTree(root *os.Root, name string) ([]File, bool) {
	b, err := readSmall(root, name, maxJSON)
	var t treeFile
	if err != nil || json.Unmarshal(b, &t) != nil || t.Format != treeFormat {
		return nil, false
	}
	files := make([]File, 0, len(t.Files))
	for path, item := range t.Files {
		f := File{Path: path, Size: item.Size, OID: item.OID, SHA256: item.SHA256, Xet: item.Xet}
		if item.LFS != nil {
			f.Size = *item.LFS
		}
		files = append(files, f)
	}
	files, err = checkTree(files)
	return files, err == nil
}
