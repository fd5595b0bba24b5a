package store

import (
	"context"
	"crypto/sha256"
	"os"
)

// Versions is a [Donor]: all versions of a store, whatever their names. What
// one of them has is found by the digest of a block, in any file and place.
type Versions struct{ Store Store }

// Blocks looks for blocks of the same digests.
func (v Versions) Blocks(ctx context.Context, f File, blocks []int64, take Take) error {
	wanted := map[[sha256.Size]byte][]int64{}
	for _, b := range blocks {
		sum := [sha256.Size]byte(f.Blocks[b*sha256.Size:])
		wanted[sum] = append(wanted[sum], b)
	}
	for info, err := range v.Store.List(ctx) {
		switch {
		case err != nil && info.Ref.Name == "":
			return err
		case err != nil || info.Manifest == nil || info.Dir == "":
			continue
		}
		if err := search(ctx, info, wanted, take); err != nil || len(wanted) == 0 {
			return err
		}
	}
	return nil
}

// search takes from one version, and removes from wanted what was right.
func search(ctx context.Context, info Info, wanted map[[sha256.Size]byte][]int64, take Take) error {
	root, err := os.OpenRoot(info.Dir)
	if err != nil {
		return nil //nolint:nilerr // gone, or another user's: it has nothing for us
	}
	defer root.Close()
	for _, f := range info.Manifest.Files {
		if err := searchFile(ctx, root, f, wanted, take); err != nil {
			return err
		}
	}
	return nil
}

func searchFile(ctx context.Context, root *os.Root, f File, wanted map[[sha256.Size]byte][]int64, take Take) (err error) {
	var in *os.File
	for i := int64(0); i < blocksIn(f.Size) && len(wanted) > 0; i++ {
		sum := [sha256.Size]byte(f.Blocks[i*sha256.Size:])
		blocks, hit := wanted[sum]
		if !hit {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if in == nil {
			if in, err = OpenFile(root, f); err != nil {
				return nil //nolint:nilerr // damaged as well
			}
			defer in.Close()
		}
		data := make([]byte, min(BlockSize, f.Size-i*BlockSize))
		if n, _ := in.ReadAt(data, i*BlockSize); n < len(data) {
			continue
		}
		right := true
		for _, b := range blocks {
			r, err := take(b, data)
			if err != nil {
				return err
			}
			right = right && r
		}
		if right {
			delete(wanted, sum)
		}
	}
	return nil
}

var _ Donor = Versions{}
