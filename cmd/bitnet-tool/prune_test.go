package main

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/store"
)

// stubborn is a store of which some versions do not go.
type stubborn struct {
	store.Store
	errs map[string]error
}

func (s stubborn) Remove(_ context.Context, ref store.Ref) error { return s.errs[ref.Version] }

// TestRemoveAll: what is held, or gone already, does not keep the others.
func TestRemoveAll(t *testing.T) {
	quiet := &parsed{flags: flagValues{"quiet": {text: "true"}}}
	c, err := newCall(quiet, streams{os.Stdin, os.Stdout, os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	s := stubborn{errs: map[string]error{"held": store.ErrProtected, "busy": store.ErrLocked, "gone": store.ErrNotFound}}
	var old []store.Ref
	for _, v := range []string{"v1", "held", "gone", "v2", "busy", "v3"} {
		old = append(old, store.Ref{Name: "m", Version: v})
	}
	res, err := removeAll(t.Context(), c, s, old)
	if !errors.Is(err, store.ErrProtected) || len(c.warnings) != 2 {
		t.Errorf("error %v, warnings %q", err, c.warnings)
	}
	if diff := cmp.Diff([]string{"m@v1", "m@v2", "m@v3"}, res.Changed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.errs["v1"] = context.Canceled
	if res, err := removeAll(ctx, c, s, old); !errors.Is(err, context.Canceled) || len(res.Changed) != 0 {
		t.Errorf("cancelled: %v, %v", res.Changed, err)
	}
}
