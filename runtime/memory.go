package runtime

import (
	"reflect"
)

// Memory is what evaluating takes beside the program itself, in bytes.
type Memory struct {
	Weights int64 // the tensors; of an opened file they are mapped, and shared by all processes
	Head    int64 // what [Generate] makes of the head after some tokens, for all sessions
	KV      int64 // keys and values of a full context
	Buffers int64 // all else a session keeps
}

// Total is the sum.
func (m Memory) Total() int64 { return m.Weights + m.Head + m.KV + m.Buffers }

// Memory tells what a session with these options takes once its context is
// full and its caller has asked for the logits of one token at a time. Nothing
// is evaluated. Options are refused as by [Model.NewSession].
func (m *Model) Memory(o SessionOptions) (Memory, error) {
	s, err := m.NewSession(o)
	if err != nil {
		return Memory{}, err
	}
	mem := Memory{Head: m.screenBytes()}
	for _, t := range m.file.Tensors {
		mem.Weights += t.Size
	}
	s.growScores(s.context)
	mem.Buffers = held(reflect.ValueOf(s.work)) + int64(m.params.Vocab)*4

	number := int64(4)
	if s.cache.half {
		number = 2
	}
	mem.KV = int64(wholePages(s.context)) * int64(s.cache.width) * number * 2 * int64(m.params.Blocks)
	return mem, nil
}

// held adds up the slices in v, and in what is in them. Whoever adds a buffer
// to a session need not think of it here.
func held(v reflect.Value) int64 {
	var n int64
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			n += held(v.Field(i))
		}
	case reflect.Slice:
		n = int64(v.Cap()) * int64(v.Type().Elem().Size())
		if k := v.Type().Elem().Kind(); k == reflect.Slice || k == reflect.Struct {
			for i := range v.Len() {
				n += held(v.Index(i))
			}
		}
	}
	return n
}
