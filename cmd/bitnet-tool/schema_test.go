package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are those of docs/schema, by the value of the field "schema". Other
// than for users, fields that they do not mention are an error here.
type schemas map[string]*jsonschema.Schema

func compileSchemas(t *testing.T) schemas {
	t.Helper()
	files, err := filepath.Glob("../../docs/schema/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no schemas: %v", err)
	}
	c := jsonschema.NewCompiler()
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		object := doc.(map[string]any)
		name := filepath.Base(path)
		if object["$id"] != name {
			t.Errorf("%s: $id is %v", path, object["$id"])
		}
		if name != "envelope.v1.json" {
			object["unevaluatedProperties"] = false
		}
		delete(object, "$id") // relative ones have no base here
		if err := c.AddResource(name, object); err != nil {
			t.Fatal(err)
		}
	}
	out := schemas{}
	for _, path := range files {
		name := filepath.Base(path)
		s, err := c.Compile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[program+"/"+strings.Replace(strings.TrimSuffix(name, ".json"), ".", "/", 1)] = s
	}
	return out
}

// check parses an answer and holds it against its schema.
func (s schemas) check(answer string) (map[string]any, error) {
	if strings.Count(answer, "\n") != 1 || !strings.HasSuffix(answer, "\n") {
		return nil, fmt.Errorf("not one line: %q", answer)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(answer))
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("not an object: %s", answer)
	}
	name, _ := object["schema"].(string)
	schema, ok := s[name]
	if !ok {
		return nil, fmt.Errorf("there is no schema %q", name)
	}
	return object, schema.Validate(v)
}

func (s schemas) jsonCmd(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: [!] json PATH [VALUE], not %q", args)
	}
	object, err := s.check(ts.ReadFile("stdout"))
	ts.Check(err)
	var v any = object
	found := true
	for _, step := range strings.Split(args[0], "/") {
		switch x := v.(type) {
		case map[string]any:
			v, found = x[step]
		case []any:
			i, err := strconv.Atoi(step)
			if found = err == nil && i < len(x); found {
				v = x[i]
			}
		default:
			found = false
		}
		if !found {
			break
		}
	}
	text, err := toJSON(v)
	ts.Check(err)
	ok := found && (len(args) == 1 || string(text) == args[1] || fmt.Sprint(v) == args[1])
	if ok == neg {
		ts.Fatalf("%s is %s (there: %v), wanted %v: %v", args[0], text, found, !neg, args[1:])
	}
}

// TestSchemasRefuse makes sure that a schema is not passed by anything.
func TestSchemasRefuse(t *testing.T) {
	s := compileSchemas(t)
	const good = `{"schema":"bitnet-tool/tokenize/v1","ok":true,"exit":{"code":0,"id":"ok"},"warnings":[],"tokens":[1],"pieces":["a"]}` + "\n"
	if _, err := s.check(good); err != nil {
		t.Fatalf("a good answer: %v", err)
	}
	tests := []struct{ name, old, new string }{
		{"unknown field", `"tokens"`, `"extra":1,"tokens"`},
		{"missing field", `,"pieces":["a"]`, ``},
		{"wrong type", `[1]`, `["1"]`},
		{"error while ok", `"tokens"`, `"error":{"id":"usage","message":"","hint":""},"tokens"`},
		{"no error while not ok", `"ok":true`, `"ok":false`},
		{"ok with a code", `"code":0`, `"code":2`},
		{"unknown id", `"id":"ok"`, `"id":"fine"`},
		{"unknown schema", `tokenize`, `tokenise`},
		{"two objects", `["a"]}`, `["a"]}{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(good, tt.old, tt.new, 1)
			if _, err := s.check(bad); bad == good || err == nil {
				t.Errorf("passed: %s", bad)
			}
		})
	}
}
