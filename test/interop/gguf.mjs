// Reads the directory of a GGUF file with npm @huggingface/gguf.
//
//   node gguf.mjs FILE
//
// Prints {"version", "tensors": [{"name", "type", "shape", "offset"}],
// "metadata": {key: {"value"}}}. A type is GGUF's number, shape has the fastest
// dimension first, offset counts bytes from the first tensor.
import { gguf } from "@huggingface/gguf";

const [file] = process.argv.slice(2);
const { typedMetadata, tensorInfos } = await gguf(file, { allowLocalFile: true, typedMetadata: true });

// The package lists three fields of the file's head among the metadata.
const { version, tensor_count, kv_count, ...metadata } = typedMetadata;
const tensors = tensorInfos.map(({ name, dtype, shape, offset }) => ({ name, type: dtype, shape, offset }));
const plain = (_, value) => (typeof value === "bigint" ? Number(value) : value);
console.log(JSON.stringify({ version: version.value, tensors, metadata }, plain));
