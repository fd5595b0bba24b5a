package main

import (
	"bytes"
	"encoding/json"
	"strings"
)

// textCases are folders whose config.json or tokenizer.json is spoilt.
func textCases() []hostile {
	var out []hostile
	add := func(file, name, want string, spoil func([]byte) []byte) {
		out = append(out, hostile{name: strings.TrimSuffix(file, ".json") + "-" + name, want: want, file: file, spoil: spoil})
	}
	text := func(s string) func([]byte) []byte { return func([]byte) []byte { return []byte(s) } }

	const config = "config.json"
	for _, file := range []string{config, "tokenizer.json"} {
		add(file, "empty", file, text(""))
		add(file, "no-json", file, text("nonsense"))
		add(file, "array", file, text("[]"))
		add(file, "deep", file, text(strings.Repeat(`{"a":[`, 100_000)))
		add(file, "cut", file, func(good []byte) []byte { return good[:len(good)/2] })
	}
	for _, c := range []struct{ name, key, value, want string }{
		{"huge-width", "hidden_size", "1000000000000000000", "config.json"},
		{"wide", "hidden_size", "1000000000", "config.json"},
		{"negative-width", "hidden_size", "-256", "config.json"},
		{"fraction", "hidden_size", "256.5", "config.json"},
		{"no-heads", "num_attention_heads", "0", "config.json"},
		{"odd-heads", "num_attention_heads", "7", "config.json"},
		{"many-layers", "num_hidden_layers", "1000000000", "config.json"},
		{"vocabulary", "vocab_size", "1099511627776", "config.json"},
		{"theta", "rope_theta", `"x"`, "config.json"},
		{"epsilon", "rms_norm_eps", "-1", "config.json"},
		{"epsilon-huge", "rms_norm_eps", "1e999", "config.json"},
		{"theta-float32", "rope_theta", "1e39", "config.json"},
		{"theta-zero", "rope_theta", "0", "config.json"},
		{"width-exponent", "hidden_size", "2.56e2000000000", "config.json"},
		{"activation", "hidden_act", `"evil"`, "evil"},
		{"architecture", "architectures", `["EvilForCausalLM"]`, "Evil"},
		{"method", "quantization_config", `{"quant_method":"evil"}`, "evil"},
	} {
		add(config, c.name, c.want, edit(func(m map[string]json.RawMessage) { m[c.key] = json.RawMessage(c.value) }))
	}

	// Not JSON, but what Python's json writes.
	insert := func(member string) func([]byte) []byte {
		return func(good []byte) []byte { return bytes.Replace(good, []byte("{"), []byte("{"+member+","), 1) }
	}
	for _, c := range []struct{ name, member string }{
		{"epsilon-nan", `"rms_norm_eps":NaN`},
		{"theta-infinity", `"rope_theta":Infinity`},
		{"width-nan", `"hidden_size":-Infinity`},
	} {
		add(config, c.name, config, insert(c.member))
	}

	const tokenizer = "tokenizer.json"
	model := func(key, value string) func([]byte) []byte {
		return edit(func(m map[string]json.RawMessage) {
			m["model"] = edit(func(m map[string]json.RawMessage) { m[key] = json.RawMessage(value) })(m["model"])
		})
	}
	add(tokenizer, "model-type", "evil", model("type", `"evil"`))
	add(tokenizer, "huge-id", tokenizer, model("vocab", `{"a":4294967295}`))
	add(tokenizer, "id-beyond", tokenizer, model("vocab", `{"a":2000000000}`))
	add(tokenizer, "negative-id", tokenizer, model("vocab", `{"a":-1}`))
	add(tokenizer, "id-twice", tokenizer, model("vocab", `{"a":0,"b":0}`))
	add(tokenizer, "token-twice", tokenizer, model("vocab", `{"a":0,"a":1}`))
	add(tokenizer, "id-nan", tokenizer, func(good []byte) []byte {
		return bytes.Replace(good, []byte(`"vocab"`), []byte(`"vocab":{"a":NaN},"rest"`), 1)
	})
	add(tokenizer, "id-text", tokenizer, model("vocab", `{"a":"0"}`))
	add(tokenizer, "no-bytes", tokenizer, model("vocab", `{"a":0}`))
	add(tokenizer, "merge-unknown", tokenizer, model("merges", `["qqqq zzzz"]`))
	add(tokenizer, "merge-one", tokenizer, model("merges", `["a"]`))
	add(tokenizer, "merges-number", tokenizer, model("merges", `7`))
	add(tokenizer, "regex", tokenizer, edit(func(m map[string]json.RawMessage) {
		m["pre_tokenizer"] = json.RawMessage(`{"type":"Split","pattern":{"Regex":"(a+)+$"},"behavior":"Isolated","invert":false}`)
	}))
	add(tokenizer, "added-id", tokenizer, edit(func(m map[string]json.RawMessage) {
		m["added_tokens"] = json.RawMessage(`[{"id":4000000000,"content":"x","special":true}]`)
	}))
	return out
}

// edit changes fields of a JSON object.
func edit(do func(m map[string]json.RawMessage)) func([]byte) []byte {
	return func(good []byte) []byte {
		m := map[string]json.RawMessage{}
		if err := json.NewDecoder(bytes.NewReader(good)).Decode(&m); err != nil {
			return good
		}
		do(m)
		out, err := json.Marshal(m)
		if err != nil {
			return good
		}
		return out
	}
}
