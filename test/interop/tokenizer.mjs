// Tokenizes with npm @huggingface/tokenizers.
//
//   node tokenizer.mjs DIR < texts.json
//
// DIR holds tokenizer.json and tokenizer_config.json. Reads a JSON array of
// texts from stdin and prints an array with the ids of each: no BOS, special
// tokens in the text recognised. A text that the tokenizer would bring into the
// form NFC first, which GGUF files cannot ask for, gives null.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";

const [dir] = process.argv.slice(2);
const load = (name) => JSON.parse(readFileSync(join(dir, name), "utf8"));

const tokenizer = new Tokenizer(load("tokenizer.json"), load("tokenizer_config.json"));
const texts = JSON.parse(readFileSync(0, "utf8"));
const nfc = load("tokenizer.json").normalizer?.type === "NFC";
const ids = texts.map((text) =>
  nfc && text.normalize("NFC") !== text ? null : tokenizer.encode(text, { add_special_tokens: false }).ids);
console.log(JSON.stringify(ids));
