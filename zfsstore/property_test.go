package zfsstore

import (
	"testing"

	"github.com/akadata/bitnet-tool/internal/store"
)

func TestIntent(t *testing.T) {
	ref := store.Ref{Name: "model", Version: "v1"}
	for name, tt := range map[string]struct {
		value, source string
		want          intent
		ok            bool
	}{
		"publish":      {"model@v1", "local", intent{ref, false}, true},
		"repair":       {"repair model@v1", "local", intent{ref, true}, true},
		"none":         {"-", "-", intent{}, false},
		"inherited":    {"model@v1", "inherited from tank", intent{}, false},
		"received":     {"repair model@v1", "received", intent{}, false},
		"no version":   {"model", "local", intent{}, false},
		"hostile":      {"repair ../x@v1", "local", intent{}, false},
		"another word": {"remove model@v1", "local", intent{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := dataset{"x", map[string]property{propPublish: {tt.value, tt.source}, propState: {stateComplete, "local"}}}
			got, ok := d.complete()
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("%+v, %v", got, ok)
			}
			if ok && got.String() != tt.value {
				t.Errorf("as text: %q", got)
			}
			d.props[propState] = property{stateIncoming, "local"}
			if _, ok := d.complete(); ok {
				t.Error("complete while it is being written")
			}
		})
	}
}
