// Generates text with llama.cpp (npm node-llama-cpp, its prebuilt CPU binary).
//
//   node llama.mjs FILE N < prompts.json
//
// Reads a JSON array of prompts from stdin and prints one object a prompt:
// {"prompt_tokens", "tokens", "text"}. BOS is put in front, special tokens in
// the prompt are recognised, N tokens are chosen greedily and stop tokens do
// not end them.
import { readFileSync } from "node:fs";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const [file, count] = process.argv.slice(2);
const prompts = JSON.parse(readFileSync(0, "utf8"));

const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: file });
const context = await model.createContext({ contextSize: 512, flashAttention: false });

const results = [];
for (const prompt of prompts) {
  const promptTokens = [model.tokens.bos, ...model.tokenize(prompt, true)];
  const sequence = context.getSequence();
  const tokens = [];
  for await (const token of sequence.evaluate(promptTokens, { temperature: 0, yieldEogToken: true })) {
    tokens.push(token);
    if (tokens.length === Number(count)) break;
  }
  sequence.dispose();
  results.push({ prompt_tokens: promptTokens, tokens, text: model.detokenize(tokens, true) });
}
console.log(JSON.stringify(results));
process.exit(0); // the binding keeps worker threads alive
