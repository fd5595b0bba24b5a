package bundle

import (
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// Of compression. Frames are independent, so that several are compressed at a
// time and their bytes do not depend on how many.
const (
	frameSize  = 2 << 20 // of content
	maxWorkers = 4
)

// frames is an [io.Writer] that gives what is written to emit, frame after
// frame. emit runs on a goroutine of its own.
type frames struct {
	emit    func(frame []byte) error
	encoder *zstd.Encoder

	free  chan *frame
	now   *frame      // being filled
	todo  chan *frame // to be compressed, in any order
	order chan *frame // to be emitted

	wg     sync.WaitGroup
	failed atomic.Pointer[error]
}

type frame struct {
	plain, packed []byte
	ready         chan struct{}
}

func newFrames(emit func([]byte) error) (*frames, error) {
	workers := min(goruntime.GOMAXPROCS(0), maxWorkers)
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(workers),
		zstd.WithWindowSize(frameSize), zstd.WithEncoderCRC(true),
		// Weights have no repetitions to find, but their bytes are not equally
		// frequent: this alone makes ternary and BF16 ones a fifth smaller.
		zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		return nil, err
	}
	slots := workers + 2
	w := &frames{
		emit: emit, encoder: encoder,
		free: make(chan *frame, slots), todo: make(chan *frame, slots), order: make(chan *frame, slots),
	}
	for range slots {
		w.free <- &frame{
			plain: make([]byte, 0, frameSize), packed: make([]byte, 0, encoder.MaxEncodedSize(frameSize)),
			ready: make(chan struct{}, 1),
		}
	}
	for range workers {
		w.wg.Go(w.compress)
	}
	w.wg.Go(w.drain)
	return w, nil
}

func (w *frames) compress() {
	for f := range w.todo {
		f.packed = w.encoder.EncodeAll(f.plain, f.packed[:0])
		f.ready <- struct{}{}
	}
}

func (w *frames) drain() {
	for f := range w.order {
		<-f.ready
		if w.err() == nil {
			if err := w.emit(f.packed); err != nil {
				w.failed.Store(&err)
			}
		}
		w.free <- f
	}
}

func (w *frames) err() error {
	if p := w.failed.Load(); p != nil {
		return *p
	}
	return nil
}

func (w *frames) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if err := w.err(); err != nil {
			return 0, err
		}
		if w.now == nil {
			w.now = <-w.free
			w.now.plain = w.now.plain[:0]
		}
		k := min(len(b), frameSize-len(w.now.plain))
		w.now.plain = append(w.now.plain, b[:k]...)
		b = b[k:]
		if len(w.now.plain) == frameSize {
			w.flush()
		}
	}
	return n, nil
}

func (w *frames) flush() {
	w.order <- w.now
	w.todo <- w.now
	w.now = nil
}

// Close emits what is left. It must be called, also after an error.
func (w *frames) Close() error {
	if w.now != nil {
		w.flush()
	}
	close(w.todo)
	close(w.order)
	w.wg.Wait()
	return w.err()
}
