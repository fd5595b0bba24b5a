package token

import "strings"

// GPT-2's byte alphabet: each of the 256 bytes has a printable character.
// Bytes that are printable in Latin-1 stand for themselves, the other 68 are,
// in rising order, U+0100 and following; so a space is U+0120 and a newline
// U+010A. Public source: openai/gpt-2 src/encoder.py, bytes_to_unicode.

// byteRune gives the character of a byte.
func byteRune(b byte) rune {
	switch {
	case printable(b):
		return rune(b)
	case b <= 32:
		return 256 + rune(b)
	case b <= 160: // 127 to 160 follow the 33 bytes 0 to 32
		return 256 + 33 + rune(b) - 127
	}
	return 256 + 33 + 34 // 173, the soft hyphen
}

// runeByte gives the byte of a character; most characters stand for none.
func runeByte(r rune) (byte, bool) {
	switch {
	case r < 256:
		return byte(r), r >= 0 && printable(byte(r))
	case r <= 256+32:
		return byte(r - 256), true
	case r < 256+33+34:
		return byte(r - 256 - 33 + 127), true
	}
	return 173, r == 256+33+34
}

func printable(b byte) bool {
	return b >= 33 && b <= 126 || b >= 161 && b != 173
}

// fromAlphabet gives the bytes that a text in the byte alphabet stands for,
// false if one of its characters is not of the alphabet.
func fromAlphabet(text string) (string, bool) {
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		c, ok := runeByte(r)
		if !ok {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// Spelled gives the bytes that a token stands for, which vocabularies of
// byte-level BPE spell in GPT-2's alphabet; false if it is not spelled so.
func Spelled(token string) (string, bool) { return fromAlphabet(token) }
