// Prints what google/sentencepiece makes of texts with a model, as JSON. Made
// with npm @agnai/sentencepiece-js 1.1.1, the library in WebAssembly, where that
// package is installed: node cases.mjs tokenizer.model > cases.json, and
// node cases.mjs user.model > user.json.
import { createRequire } from "node:module";
const { SentencePieceProcessor } = createRequire(process.cwd() + "/")("@agnai/sentencepiece-js");

const texts = [
  "", " ", "  ", "     ", "a", " a", "a ", "In the beginning", "In  the   beginning     God",
  "And God said, Let there be light: and there was light.", "firmament", "upon\nthe\tdeep", "\n", "\n\n",
  "xyx", "yxyx", "xyxyxyx", "345", "6789", "3456789", "111", "11111 1", "2026-11-22", "été", "et e\u0301te\u0301", "漢字", "漢字かな", "🙂 light", "naïve café",
  "ZZZ", "<s>", "</s> x", "<unk>", "<0x0A>", "a\u00a0b", "ﬁrst", "Ⅻ", "the the the the", "\u2581", "a\u2581b",
  "Спирит", "มืด", "e".repeat(40), "the ".repeat(20), "\r\n", "\u{10ffff}", "tab\there", "God God  God   God    God", "Let there be light", "a\n\nb\n\n\nc\n\n\n\nd", "<b>light</b>",
];
const model = new URL(process.argv[2], import.meta.url).pathname;
const spp = new SentencePieceProcessor();
await spp.load(model);
console.log(JSON.stringify(texts.map((text) => {
  const ids = [...spp.encodeIds(text)];
  return { text, ids, decoded: spp.decodeIds(ids) };
}), null, 0).replaceAll("},{", "},\n{"));
