package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
)

func metaCommand() command {
	return command{
		name: "meta", args: "get|set|rm|fix FILE [KEY…]", min: 2, max: 1 << 10,
		about: "read and change the metadata of a GGUF file; tensors stay as they are",
		long: "get FILE KEY…        print values; without KEY all. FILE may be NAME[@VERSION] too\n" +
			"set FILE KEY=VALUE…  change values; a new key needs its type: KEY:u32=VALUE\n" +
			"rm FILE KEY…         remove keys\n" +
			"fix FILE             add what published files lack and the file itself tells: the\n" +
			"                     pre-tokenizer, the end of a turn, the activation, a chat\n" +
			"                     template in the place of a placeholder\n" +
			"Types are u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool str, arrays of them as u32[],\n" +
			"whose values are JSON. FILE is replaced when the new one is complete.",
		flags: storeFlags(),
		run:   runMeta,
	}
}

// metaResult is what was read, or what was changed.
type metaResult struct {
	Path    string       `json:"path"`
	Values  []kvJSON     `json:"values"`
	Changes []changeJSON `json:"changes"`
	Open    []string     `json:"open"` // what fix could not decide

	verb string
}

type changeJSON struct {
	Key    string  `json:"key"`
	Old    *kvJSON `json:"old"` // null: it was not there
	New    *kvJSON `json:"new"` // null: it was removed
	Reason string  `json:"reason,omitempty"`
}

func runMeta(ctx context.Context, c *call) (result, error) {
	verb, path, args := c.args[0], c.args[1], c.args[2:]
	if wrong := (verb == "set" || verb == "rm") && len(args) == 0 || verb == "fix" && len(args) > 0; wrong {
		return nil, usagef("meta %s: wrong number of arguments", verb).suggest("see %s help meta", program)
	}
	edits := map[string]func(*call, *gguf.File, *gguf.Meta, []string, *metaResult) error{
		"set": metaSet, "rm": metaRemove, "fix": metaFix,
	}
	edit := edits[verb]
	if edit == nil && verb != "get" {
		return nil, usagef("meta cannot %q", verb).suggest("%s meta get|set|rm|fix FILE", program)
	}
	file, err := c.modelFile(ctx, path)
	switch {
	case err != nil:
		return nil, err
	case file != path && edit != nil:
		return nil, failf(exitRefused, "%s is in a store, whose versions never change", path).
			suggest("change a copy of %s and store that", word(file))
	}
	path = file
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	res := &metaResult{Path: path, Values: []kvJSON{}, Changes: []changeJSON{}, Open: []string{}, verb: verb}
	if verb == "get" {
		return res, metaGet(f, args, res)
	}
	m := f.Meta.Clone()
	if err := edit(c, f, m, args, res); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(res.Changes) == 0 {
		return res, nil
	}
	return res, replace(ctx, c, f, path, m)
}

// replace writes the file anew. A link is refused: in the Hugging Face cache it
// leads to a blob whose name is its hash.
func replace(ctx context.Context, c *call, f *gguf.File, path string, m *gguf.Meta) error {
	if st, err := os.Lstat(path); err != nil {
		return err
	} else if st.Mode()&os.ModeSymlink != 0 {
		return failf(exitRefused, "%s is a symbolic link; what it leads to may belong to others", path).suggest("copy it first: cp -L %s copy.gguf", word(path))
	}
	_, err := f.Copy(ctx, path, m, true, c.progress)
	return err
}

func metaGet(f *gguf.File, keys []string, res *metaResult) error {
	if len(keys) == 0 {
		for key := range f.Meta.All() {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		kv, err := findKV(&f.Meta, key)
		if err != nil {
			return fmt.Errorf("%s: %w", res.Path, err)
		}
		res.Values = append(res.Values, *kv)
	}
	return nil
}

func metaSet(_ *call, f *gguf.File, m *gguf.Meta, args []string, res *metaResult) error {
	for _, arg := range args {
		key, v, err := parseAssignment(&f.Meta, arg)
		if err != nil {
			return err
		}
		if err := editable(key); err != nil {
			return err
		}
		if err := res.change(f, key, v, ""); err != nil {
			return err
		}
		m.Set(key, v)
	}
	return nil
}

func metaRemove(_ *call, f *gguf.File, m *gguf.Meta, keys []string, res *metaResult) error {
	for _, key := range keys {
		if _, err := findKV(&f.Meta, key); err != nil {
			return err
		}
		if err := editable(key); err != nil {
			return err
		}
		if err := res.change(f, key, nil, ""); err != nil {
			return err
		}
		m.Delete(key)
	}
	return nil
}

func metaFix(c *call, f *gguf.File, m *gguf.Meta, _ []string, res *metaResult) error {
	fixes, open, err := convert.FindFixes(f)
	if err != nil {
		return err
	}
	for _, x := range fixes {
		if err := res.change(f, x.Key, x.New, x.Why); err != nil {
			return err
		}
		m.Set(x.Key, x.New)
	}
	for _, s := range open {
		c.warn("not fixed: %s", s)
		res.Open = append(res.Open, s)
	}
	return nil
}

// editable refuses keys that say what the rest of the file is like.
func editable(key string) error {
	switch {
	case key == "general.architecture":
		return failf(exitRefused, "key %s: the keys of the architecture go with it", key).suggest("%s convert FILE -o OUT --target E renames all", program)
	case key == "general.alignment", strings.HasPrefix(key, "split."):
		return failf(exitRefused, "key %s says where the tensors are", key)
	}
	return nil
}

// change notes that key gets the value v, nil for none.
func (r *metaResult) change(f *gguf.File, key string, v any, why string) error {
	x := changeJSON{Key: key, Reason: why}
	if _, ok := f.Meta.Value(key); ok {
		old, err := findKV(&f.Meta, key)
		if err != nil {
			return err
		}
		x.Old = old
	}
	if v != nil {
		x.New = newKV(key, v)
	}
	r.Changes = append(r.Changes, x)
	return nil
}

func (r *metaResult) text(w io.Writer) {
	if r.verb == "get" {
		for _, kv := range r.Values {
			if len(r.Values) > 1 {
				fmt.Fprintf(w, "%s = %s\n", printable(kv.Key), shorten(oneLine(fmt.Sprint(kv.Value)), 100))
			} else {
				kv.text(w)
			}
		}
		return
	}
	for _, x := range r.Changes {
		fmt.Fprintf(w, "%s: %s, now %s\n", printable(x.Key), x.Old.brief(), x.New.brief())
		if x.Reason != "" {
			fmt.Fprintf(w, "  %s\n", printable(x.Reason))
		}
	}
	if len(r.Changes) == 0 {
		fmt.Fprintln(w, "nothing to change")
	}
}

// brief gives a value for one line; nil is one that is not there.
func (kv *kvJSON) brief() string {
	if kv == nil {
		return "none"
	}
	if s, ok := kv.Value.(string); ok {
		return fmt.Sprintf("%q", shorten(printable(s), 60))
	}
	return shorten(oneLine(fmt.Sprint(kv.Value)), 60)
}
