package zfsstore

import "github.com/akadata/bitnet-tool/internal/store"

// inspect reads all manifests, in the order of [Store.List].
func (c *contents) inspect() []store.Listed {
	rows := make([]store.Listed, 0, len(c.versions))
	begin := 0 // of the rows of one name
	for _, v := range c.versions {
		if n := len(rows); n > 0 && rows[n-1].Info.Ref.Name != v.ref.Name {
			store.SortListed(rows[begin:])
			begin = n
		}
		rows = append(rows, c.row(v))
	}
	store.SortListed(rows[begin:])
	return rows
}

// row describes a version with its manifest.
func (c *contents) row(v version) store.Listed {
	folder, err := c.open(v)
	if err != nil {
		return store.Listed{Info: c.info(v), Err: err}
	}
	return store.Listed{Info: folder.Info(), Err: folder.Close()}
}
