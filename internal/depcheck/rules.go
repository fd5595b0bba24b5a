// Package depcheck holds the rules of who may import whom and a test that
// enforces them. To see how the packages of this module stand to each other,
// read the table below.
//
// A package may import packages of lower layers only, so siblings never know
// each other. The rules apply to every file whatever its build constraints.
// Tests may import what they like, as long as Go has no cycle.
package depcheck

import (
	"fmt"
	"strings"
)

const module = "github.com/akadata/bitnet-tool"

// testOnly lists the packages that only tests may import.
var testOnly = map[string]bool{
	"internal/fixture":         true,
	"internal/testmodel":       true,
	"internal/store/storetest": true,
}

// layers lists every package of the module, by its path in the repository.
var layers = map[string]int{
	// The command: flags, wiring, printing, exit codes.
	"cmd/bitnet-tool": 7,

	// What the command may use and nobody else needs to.
	"internal/bench":    6,
	"internal/demo":     6,
	"internal/hubtest":  6,
	"internal/pipeline": 6,

	"verify": 5,

	"runtime":           4,
	"internal/convert":  4,
	"internal/synth":    4,
	"hfhub":             4,
	"internal/dirstore": 4,
	"zfsstore":          4,

	"internal/arch":  3,
	"internal/token": 3,

	"gguf":            2,
	"internal/bundle": 2,

	"quant":                1,
	"internal/safetensors": 1,
	"internal/store":       1,

	// Knows nothing of models.
	"internal/atomicfile": 0,
	"internal/flock":      -1, // what a package of layer 0 needs
	"internal/digest":     0,
	"internal/directio":   0,
	"internal/exactjson":  0,
	"internal/kernels":    0,
	"internal/mmap":       0,
	"internal/par":        0,
	"internal/progress":   0,

	// Test support and tests.
	"internal/depcheck":        7,
	"internal/fixture":         7,
	"internal/testmodel":       7,
	"internal/store/storetest": 7,
	"test/accept":              8,
	"test/interop":             8,
	"test/hostile":             8,
	"internal/mutants":         8,
	"test/zfsvm":               8,
}

// reserved maps a foreign package or module to the layers that may import it;
// what is not listed here is free from layer 1 on.
var reserved = map[string]struct {
	from int // lowest layer
	why  string
}{
	"github.com/urfave/cli/v2":          {7, "flags are the command's business"},
	"github.com/schollz/progressbar/v3": {7, "libraries report to a progress.Sink"},
	"golang.org/x/term":                 {7, "libraries do not know of terminals"},
	"log":                               {7, "libraries return errors and do not log"},
	"flag":                              {7, "flags are the command's business"},
	"testing":                           {7, "only test support may import it"},
	"github.com/google/go-cmp":          {7, "it is for tests"},
	"github.com/rogpeppe/go-internal":   {7, "it is for tests"},
}

// source is one Go file: the package it belongs to, and what it imports.
type source struct {
	pkg     string // path in the repository, "." for its root
	name    string
	imports []imported
}

// imported is one import, with the name the file gives it if any.
type imported struct{ path, alias string }

// check returns what is wrong with a file, one sentence each.
func check(f source) []string {
	layer, known := layers[f.pkg]
	if !known {
		return []string{fmt.Sprintf("package %s has no layer: add it to the table in internal/depcheck/rules.go", f.pkg)}
	}
	test := strings.HasSuffix(f.name, "_test.go") || f.pkg == "internal/mutants" // a program that is one long test
	var bad []string
	for _, imp := range f.imports {
		if imp.path == "runtime" && imp.alias != "goruntime" {
			bad = append(bad, `import the standard runtime package as goruntime, so that "runtime" always means ours`)
		}
		if test {
			continue
		}
		if why := checkImport(layer, imp.path); why != "" {
			bad = append(bad, fmt.Sprintf("%s (layer %d) imports %s: %s", f.pkg, layer, imp.path, why))
		}
	}
	return bad
}

// checkImport says why a file in a layer may not import path, or nothing.
func checkImport(layer int, path string) string {
	if ours, ok := strings.CutPrefix(path, module+"/"); ok {
		other, known := layers[ours]
		switch {
		case !known:
			return "it has no layer: add it to the table in internal/depcheck/rules.go"
		case testOnly[ours]:
			return "only tests may import it"
		case other == layer:
			return "siblings of one layer do not import each other"
		case other > layer:
			return fmt.Sprintf("it is in layer %d, and imports point down only", other)
		}
		return ""
	}
	for prefix, rule := range reserved {
		if within(path, prefix) && layer < rule.from {
			return rule.why
		}
	}
	if layer == 0 && !standard(path) && !within(path, "golang.org/x/sys") {
		return "layer 0 imports the standard library and golang.org/x/sys only"
	}
	return ""
}

// within reports whether path is prefix or below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// standard reports whether path is in the standard library, whose first
// element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
