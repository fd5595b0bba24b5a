package synth

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
)

// Field numbers of google/sentencepiece src/sentencepiece_model.proto.
const (
	modelPieces     = 1
	modelTrainer    = 2
	modelNormalizer = 3

	pieceText  = 1
	pieceScore = 2
	pieceType  = 3

	trainerModelType    = 3
	trainerVocabSize    = 4
	trainerByteFallback = 35

	normalizerName        = 1
	normalizerDummyPrefix = 3
	normalizerExtraSpaces = 4
	normalizerEscape      = 5
)

// Kinds of pieces, and the model type BPE.
const (
	pieceNormal  = 1
	pieceUnknown = 2
	pieceControl = 3
	pieceByte    = 6

	typeBPE = 2
)

// pieceFiles gives the files of a SentencePiece BPE model with byte fallback:
// three control pieces, the bytes, merged pieces with falling scores, and last
// the single characters, as the trainer orders them.
func pieceFiles(v vocabulary) (map[string][]byte, error) {
	const space = "\u2581"
	var model []byte
	count := 0
	piece := func(text string, score float32, kind uint64) {
		var p []byte
		p = appendBytes(p, pieceText, []byte(text))
		p = binary.AppendUvarint(p, pieceScore<<3|5)
		p = binary.LittleEndian.AppendUint32(p, math.Float32bits(score))
		if kind != pieceNormal {
			p = appendNumber(p, pieceType, kind)
		}
		model = appendBytes(model, modelPieces, p)
		count++
	}
	piece("<unk>", 0, pieceUnknown)
	piece("<s>", 0, pieceControl)
	piece("</s>", 0, pieceControl)
	for b := range 256 {
		piece(fmt.Sprintf("<0x%02X>", b), 0, pieceByte)
	}
	characters := []string{space}
	for r := '!'; r <= '~'; r++ {
		characters = append(characters, string(r))
	}
	for i, m := range merges(space, v.base-count-len(characters)) {
		piece(m.left+m.right, -float32(i), pieceNormal)
	}
	for i, c := range characters {
		piece(c, -float32(count+i), pieceNormal)
	}

	var trainer []byte
	trainer = appendNumber(trainer, trainerModelType, typeBPE)
	trainer = appendNumber(trainer, trainerVocabSize, uint64(v.base))
	trainer = appendNumber(trainer, trainerByteFallback, 1)
	model = appendBytes(model, modelTrainer, trainer)
	var normalizer []byte
	normalizer = appendBytes(normalizer, normalizerName, []byte("identity"))
	normalizer = appendNumber(normalizer, normalizerDummyPrefix, 1)
	normalizer = appendNumber(normalizer, normalizerExtraSpaces, 0)
	normalizer = appendNumber(normalizer, normalizerEscape, 1)
	model = appendBytes(model, modelNormalizer, normalizer)

	var added object
	for i, text := range v.special {
		added = append(added, member{text, v.base + i})
	}
	data, err := json.Marshal(added)
	return map[string][]byte{"tokenizer.model": model, "added_tokens.json": data}, err
}

// appendNumber and appendBytes write a field of a protocol buffer.
func appendNumber(b []byte, field, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, field<<3), v)
}

func appendBytes(b []byte, field uint64, data []byte) []byte {
	b = binary.AppendUvarint(b, field<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(data))), data...)
}
