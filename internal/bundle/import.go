package bundle

import (
	"context"
	"errors"
	"fmt"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// Import makes a version of a bundle, called ref, whose version may be missing:
// then it is that of the bundle. The manifest is kept, with the names that ref
// gives. If the very version is there, the bundle is proven and nothing is
// written. After an error there is nothing to see in the store.
func Import(ctx context.Context, s store.Store, b *Reader, ref store.Ref, sink progress.Sink) (store.Published, error) {
	m := *b.Manifest()
	if ref.Version == "" {
		ref.Version = m.Version
	}
	if err := ref.Check(); err != nil {
		return store.Published{}, err
	}
	m.Name, m.Version = ref.Name, ref.Version
	same, err := store.Admit(s.List(ctx), &m)
	if err != nil {
		return store.Published{}, err
	}
	if same {
		there, err := store.Settled(ctx, s, ref)
		if err != nil {
			return store.Published{}, err
		}
		return store.Published{Info: there}, b.Prove(ctx, nil, sink)
	}
	tx, err := s.Begin(ctx, ref, m.Size())
	if err != nil {
		return store.Published{}, err
	}
	if err := b.Prove(ctx, tx.Root(), sink); err != nil {
		return store.Published{}, errors.Join(err, tx.Abort())
	}
	p, err := tx.Commit(ctx, &m)
	if err != nil {
		return p, fmt.Errorf("publish %s: %w", ref, err)
	}
	return p, nil
}
