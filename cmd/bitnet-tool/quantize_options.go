package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/quant"
)

// recipeNames lists what --type can be.
func recipeNames() string {
	var names []string
	for _, r := range convert.Recipes() {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

func targetNames() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(convert.Targets()), " ", ", "), "[]")
}

// targetOf reads --target.
func targetOf(c *call) (convert.Target, error) {
	name := c.flags.String("target")
	t, err := convert.ParseTarget(name)
	if err != nil {
		return t, usagef("there is no target %q", name).suggest("choose from %s", targetNames())
	}
	return t, nil
}

// recipeByName finds a recipe by its name in any case, as llama-quantize does.
// A type that cannot be written is for the conversion to refuse.
func recipeByName(name string) (convert.Recipe, error) {
	if r, ok := convert.RecipeByName(strings.ToUpper(name)); ok {
		return r, nil
	}
	t, err := typeByName(name)
	return convert.Recipe{Name: t.String(), Type: t}, err
}

// convertOptions reads the flags that all types share.
func convertOptions(c *call, types int) (convert.Options, error) {
	o := convert.Options{
		ScaleMode:    convert.ScaleMode(c.flags.String("scale-mode")),
		ForceTernary: c.flags.Bool("force-ternary"),
		Threads:      c.flags.Int("threads"),
		Tool:         version,
	}
	if c.flags.IsSet("threads") && o.Threads < 1 {
		return o, usagef("--threads %d: must be 1 or more", o.Threads)
	}
	if c.flags.IsSet("target") {
		var err error
		if o.Target, err = targetOf(c); err != nil {
			return o, err
		}
	}
	if c.flags.IsSet("scale-mode") && o.ScaleMode != convert.Multiply && o.ScaleMode != convert.Divide {
		return o, usagef("--scale-mode cannot be %q", string(o.ScaleMode)).suggest("choose from multiply, divide")
	}
	if c.flags.IsSet("file-type") {
		n := c.flags.Uint("file-type")
		if n > math.MaxUint32 {
			return o, usagef("--file-type %d does not fit 32 bits", n)
		}
		if types > 1 {
			return o, usagef("--file-type with several types would be wrong for all but one")
		}
		n32 := uint32(n)
		o.FileType = &n32
	}
	for name, t := range map[string]*quant.Type{"token-embedding-type": &o.TokenEmbedding, "output-type": &o.Output} {
		if !c.flags.IsSet(name) {
			continue
		}
		var err error
		if *t, err = typeByName(c.flags.String(name)); err != nil {
			return o, err
		}
	}
	return o, nil
}

// typeByName finds a type by its name in any case, as llama-quantize does.
func typeByName(name string) (quant.Type, error) {
	codec, ok := quant.ByName(strings.ToUpper(name))
	if !ok {
		return quant.Invalid, usagef("there is no type %q", name).suggest("choose from %s", recipeNames())
	}
	return codec.Type, nil
}
