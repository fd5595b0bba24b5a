package runtime_test

import (
	goruntime "runtime"
	"testing"

	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	. "github.com/akadata/bitnet-tool/runtime"
)

// TestMemory fills a context and compares with what the heap grew by.
func TestMemory(t *testing.T) {
	p := testmodel.Params(t, "bitnet-b1.58")
	p.Context = 4096
	path := testmodel.Random(t, p, testmodel.Types{Projection: quant.I2_S, Embedding: quant.F16}, 1).Write(t)
	m, err := Open(path, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, o := range []SessionOptions{{Context: 640, Batch: 64}, {Context: 640, Batch: 64, HalfKV: true}, {Context: 100, Batch: 1}} {
		want, err := m.Memory(o)
		if err != nil {
			t.Fatal(err)
		}
		kv := int64((o.Context+63)/64*64) * 2 * 2 * 256 * 4
		if o.HalfKV {
			kv /= 2
		}
		if want.KV != kv {
			t.Errorf("%+v: KV %d, want %d", o, want.KV, kv)
		}
		before := heap()
		s, err := m.NewSession(o)
		if err != nil {
			t.Fatal(err)
		}
		for left := o.Context; left > 0; left -= min(left, o.Batch) {
			if _, err := s.Eval(t.Context(), make([]int32, min(left, o.Batch))); err != nil {
				t.Fatal(err)
			}
		}
		got := heap() - before
		goruntime.KeepAlive(s)
		if sum := want.KV + want.Buffers; got < sum*95/100 || got > sum*105/100+64<<10 {
			t.Errorf("%+v: the heap grew by %d bytes, said were %d (%+v)", o, got, sum, want)
		}
	}
	var weights int64
	for _, x := range m.File().Tensors {
		weights += x.Size
	}
	if mem, err := m.Memory(SessionOptions{}); err != nil || mem.Weights != weights || mem.Total() != weights+mem.KV+mem.Buffers {
		t.Errorf("%+v, %v", mem, err)
	}
	if _, err := m.Memory(SessionOptions{Context: 4097}); err == nil {
		t.Error("a context beyond the model's passes")
	}
}

func heap() int64 {
	goruntime.GC()
	goruntime.GC()
	var s goruntime.MemStats
	goruntime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
