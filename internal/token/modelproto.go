package token

import "fmt"

// modelProto is what matters of a SentencePiece model file, a protocol buffer
// (google/sentencepiece, src/sentencepiece_model.proto, message ModelProto).
type modelProto struct {
	pieces []proto

	// trainer_spec
	kind               uint64
	spaceAsSuffix      bool
	byteFallback       bool
	unk, bos, eos, pad int32

	// normalizer_spec and denormalizer_spec
	dummyPrefix   bool
	squeezeSpaces bool
	escapeSpaces  bool
	rewritesText  bool
}

// proto is one piece.
type proto struct {
	text  string
	score float32
	kind  Kind
}

// parseModelProto reads a model file. Fields that are absent have the defaults
// of the schema; unknown ones are skipped, as the format asks.
func parseModelProto(data []byte) (*modelProto, error) {
	m := &modelProto{
		kind: 1, bos: 1, eos: 2, pad: -1,
		dummyPrefix: true, squeezeSpaces: true, escapeSpaces: true,
	}
	err := fields(data, func(f field) error {
		switch f.number {
		case 1:
			return m.addPiece(f)
		case 2:
			return f.message(m.trainer)
		case 3:
			return f.message(m.normalizer)
		case 5:
			return f.message(m.denormalizer)
		}
		return nil
	})
	if err == nil && len(m.pieces) == 0 {
		err = fmt.Errorf("%w: no pieces, so this is no SentencePiece model", ErrFormat)
	}
	return m, err
}

func (m *modelProto) addPiece(f field) error {
	if len(m.pieces) == maxTokens {
		return fmt.Errorf("%w: more than %d pieces", ErrFormat, maxTokens)
	}
	p := proto{kind: Normal}
	err := f.message(func(f field) (err error) {
		switch f.number {
		case 1:
			if p.text, err = f.text(); len(p.text) > maxTokenLen {
				err = fmt.Errorf("%w: %d bytes of text, at most %d are possible", ErrFormat, len(p.text), maxTokenLen)
			}
		case 2:
			p.score, err = f.float()
		case 3:
			var k uint64
			if k, err = f.uint(); k > uint64(Byte) {
				err = fmt.Errorf("%w: type %d", ErrFormat, k)
			}
			p.kind = Kind(k)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("piece %d: %w", len(m.pieces), err)
	}
	m.pieces = append(m.pieces, p)
	return nil
}

func (m *modelProto) trainer(f field) (err error) {
	switch f.number {
	case 3:
		m.kind, err = f.uint()
	case 24:
		m.spaceAsSuffix, err = f.bool()
	case 35:
		m.byteFallback, err = f.bool()
	case 40:
		m.unk, err = f.int32()
	case 41:
		m.bos, err = f.int32()
	case 42:
		m.eos, err = f.int32()
	case 43:
		m.pad, err = f.int32()
	}
	return err
}

func (m *modelProto) normalizer(f field) (err error) {
	switch f.number {
	case 2, 6: // precompiled_charsmap, normalization_rule_tsv
		err = m.denormalizer(f)
	case 3:
		m.dummyPrefix, err = f.bool()
	case 4:
		m.squeezeSpaces, err = f.bool()
	case 5:
		m.escapeSpaces, err = f.bool()
	}
	return err
}

func (m *modelProto) denormalizer(f field) error {
	if f.number == 2 || f.number == 6 {
		b, err := f.bytes()
		m.rewritesText = m.rewritesText || len(b) > 0
		return err
	}
	return nil
}
