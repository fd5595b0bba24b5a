package depcheck

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestRepository applies the rules to every Go file of the module.
func TestRepository(t *testing.T) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	files := sources(t, os.DirFS(root))
	if len(files) < 10 {
		t.Fatalf("only %d Go files found: the walk is wrong", len(files))
	}
	for _, f := range files {
		for _, why := range check(f) {
			t.Errorf("%s: %s", path.Join(f.pkg, f.name), why)
		}
	}
}

// sources parses the imports of a module's Go files, whatever platform they
// are for.
func sources(t *testing.T, module fs.FS) []source {
	t.Helper()
	var files []source
	err := fs.WalkDir(module, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipDir(module, p) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(p) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(module, p)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := source{pkg: path.Dir(p), name: path.Base(p)}
		for _, spec := range parsed.Imports {
			imp := imported{}
			if imp.path, err = strconv.Unquote(spec.Path.Value); err != nil {
				return err
			}
			if spec.Name != nil {
				imp.alias = spec.Name.Name
			}
			f.imports = append(f.imports, imp)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// skipDir reports whether the go command takes p for no part of the module.
func skipDir(module fs.FS, p string) bool {
	if p == "." {
		return false
	}
	base := path.Base(p)
	if base == "testdata" || base == "node_modules" || strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".") {
		return true
	}
	_, err := fs.Stat(module, path.Join(p, "go.mod"))
	return err == nil
}

func TestCheck(t *testing.T) {
	const ours = module + "/"
	tests := []struct {
		name   string
		pkg    string
		file   string
		path   string
		alias  string
		reason string // part of the complaint, "" for none
	}{
		{"down", "gguf", "a.go", ours + "quant", "", ""},
		{"up", "quant", "a.go", ours + "gguf", "", "imports point down only"},
		{"sibling", "runtime", "a.go", ours + "internal/convert", "", "siblings"},
		{"up in a test", "quant", "a_test.go", ours + "gguf", "", ""},
		{"unknown importer", "internal/new", "a.go", "fmt", "", "add it to the table"},
		{"unknown imported", "verify", "a.go", ours + "internal/new", "", "add it to the table"},
		{"fixture in a library", "verify", "a.go", ours + "internal/fixture", "", "only tests"},
		{"fixture in the command", "cmd/bitnet-tool", "a.go", ours + "internal/fixture", "", "only tests"},
		{"fixture in a test", "verify", "a_test.go", ours + "internal/fixture", "", ""},
		{"demo in a library", "verify", "a.go", ours + "internal/demo", "", "imports point down only"},
		{"demo in the command", "cmd/bitnet-tool", "a.go", ours + "internal/demo", "", ""},
		{"cli in a library", "verify", "a.go", "github.com/urfave/cli/v2", "", "flags are"},
		{"cli in the command", "cmd/bitnet-tool", "a.go", "github.com/urfave/cli/v2", "", ""},
		{"bar in a library", "internal/convert", "a.go", "github.com/schollz/progressbar/v3", "", "progress.Sink"},
		{"log in a library", "runtime", "a.go", "log", "", "do not log"},
		{"slog in a library", "runtime", "a.go", "log/slog", "", "do not log"},
		{"slog in the command", "cmd/bitnet-tool", "a.go", "log/slog", "", ""},
		{"testing in a library", "gguf", "a.go", "testing", "", "test support"},
		{"cmp in a library", "gguf", "a.go", "github.com/google/go-cmp/cmp", "", "for tests"},
		{"module in layer 0", "internal/par", "a.go", "golang.org/x/sync/errgroup", "", "layer 0"},
		{"x/sys in layer 0", "internal/mmap", "a.go", "golang.org/x/sys/unix", "", ""},
		{"module in layer 1", "quant", "a.go", "github.com/x448/float16", "", ""},
		{"plain std runtime", "gguf", "a_test.go", "runtime", "", "goruntime"},
		{"renamed std runtime", "gguf", "a.go", "runtime", "goruntime", ""},
		{"runtime/debug", "gguf", "a.go", "runtime/debug", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(check(source{tt.pkg, tt.file, []imported{{tt.path, tt.alias}}}), "; ")
			if tt.reason == "" && got != "" || !strings.Contains(got, tt.reason) {
				t.Errorf("complaint %q, want %q", got, tt.reason)
			}
		})
	}
}
