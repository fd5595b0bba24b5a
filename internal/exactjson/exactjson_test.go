package exactjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/exactjson"
)

type inner struct {
	Method string `json:"method"`
	Norm   bool   `json:"norm"`
}

type outer struct {
	Size   int              `json:"hidden_size"`
	Ratio  *float64         `json:"ratio"`
	Inner  *inner           `json:"inner"`
	Plain  inner            `json:"plain"`
	List   []inner          `json:"list"`
	Table  map[string]inner `json:"table"`
	Any    map[string]any   `json:"any"`
	Raw    json.RawMessage  `json:"raw"`
	Names  []string         `json:"names,omitempty"`
	Hidden string           `json:"-"`
}

func TestUnmarshal(t *testing.T) {
	half := 0.5
	tests := []struct {
		name string
		text string
		want outer
	}{
		{
			"all kinds",
			` {"hidden_size": 3, "ratio": 0.5, "inner": {"method": "m"}, "plain": {"norm": true}, "list": [{"method": "a"}, {}],
			"table": {"x": {"norm": true}}, "any": {"Method": [1]}, "raw": [ 1], "names": ["n"], "unknown": {"a": [{}]}} `,
			outer{
				3, &half, &inner{Method: "m"},
				inner{Norm: true},
				[]inner{{Method: "a"}, {}},
				map[string]inner{"x": {Norm: true}},
				map[string]any{"Method": []any{1.0}},
				json.RawMessage(`[ 1]`),
				[]string{"n"},
				"",
			},
		},
		{
			"another case", `{"Hidden_Size": 4, "hidden_size": 3, "HIDDEN_SIZE": 5, "plain": {"Norm": true}, "list": [{"METHOD": "a"}], "table": {"x": {"mEthod": "b"}}}`,
			outer{Size: 3, List: []inner{{}}, Table: map[string]inner{"x": {}}},
		},
		{"space before", "\n\t {\"HIDDEN_SIZE\": 5}\r\n", outer{}},
		{"long s", `{"hidden_\u017fize": 4, "hidden_\u017FIZE": 4}`, outer{}},
		{"escaped key", `{"hidden\u005fsize": 4}`, outer{Size: 4}},
		{"the last of equal keys", `{"inner": {"method": "a", "norm": true}, "list": [{"norm": true}, {}], "inner": {"method": "b"}, "list": [{"method": "c"}]}`, outer{Inner: &inner{Method: "b"}, List: []inner{{Method: "c"}}}},
		{"null", `{"hidden_size": null, "ratio": null, "inner": null, "plain": null, "list": null, "table": null}`, outer{}},
		{"names of other fields", `{"": 1, "-": "x", "Hidden": "x", "Size": 4}`, outer{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got outer
			if err := exactjson.Unmarshal([]byte(tt.text), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for text, says := range map[string]string{
		``:                                  "unexpected end",
		`{"hidden_size": 1`:                 "unexpected end",
		`{"hidden_size": 1} {}`:             "after top-level value",
		`[]`:                                "cannot unmarshal array",
		`7`:                                 "cannot unmarshal number",
		`{"hidden_size": "4"}`:              `key "hidden_size": json: cannot unmarshal string`,
		`{"inner": [1]}`:                    `key "inner": json: cannot unmarshal array`,
		`{"list": {}}`:                      `key "list": json: cannot unmarshal object`,
		`{"list": [{"norm": 1}]}`:           `key "list": element 0: key "norm": `,
		`{"table": {"x": {"norm": 1}}}`:     `key "table": key "x": key "norm": `,
		strings.Repeat(`{"inner":`, 20_000): "",
	} {
		if err := exactjson.Unmarshal([]byte(text), new(outer)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40s: %v, want %q", text, err, says)
		}
	}
}

// What was read and is written again reads the same.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"hidden_size": 3, "inner": {"method": "m"}, "list": [{"norm": true}], "table": {"x": {}}, "any": {"x": null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second outer
		if exactjson.Unmarshal(data, &first) != nil {
			return
		}
		text, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := exactjson.Unmarshal(text, &second); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if again, err := json.Marshal(second); err != nil || string(again) != string(text) {
			t.Errorf("%s, then %s: %v", text, again, err)
		}
	})
}
