// Package interop checks bitnet-tool against programs that are not ours: its
// files are read by npm @huggingface/gguf and run by npm node-llama-cpp, its
// tokens are those of npm @huggingface/tokenizers, its cache is that of npm
// @huggingface/hub.
//
// The scripts (*.mjs) only print what those programs make of their input; the
// tests here compare. Start them by run.sh, which installs the packages;
// without it they are skipped.
package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// needPrograms skips the test unless run.sh has installed the npm packages.
func needPrograms(t *testing.T) {
	t.Helper()
	if os.Getenv("BITNET_TOOL_INTEROP") == "" {
		t.Skip("needs npm packages: run test/interop/run.sh")
	}
}

// node runs a script of this directory with stdin as JSON and decodes its
// output into result.
func node(t *testing.T, result, stdin any, script string, args ...string) {
	t.Helper()
	in, err := json.Marshal(stdin)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Env = append(os.Environ(), "CI=true") // node-llama-cpp fails on values such as "" or "yes"
	decodeOutput(t, cmd, result)
}

// tool is the path of a freshly built bitnet-tool.
type tool string

func buildTool(t *testing.T) tool {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bitnet-tool")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/bitnet-tool").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return tool(bin)
}

// run decodes into result what a command prints with --json.
func (b tool) run(t *testing.T, result any, args ...string) {
	t.Helper()
	decodeOutput(t, exec.CommandContext(t.Context(), string(b), append(args, "--json")...), result)
}

// quantize converts the snapshot in dir and returns the path of the GGUF file.
func (b tool) quantize(t *testing.T, dir, kind string, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), filepath.Base(dir)+"-"+kind+".gguf")
	b.run(t, &struct{}{}, append([]string{"quantize", dir, "-o", out, "--type", kind}, flags...)...)
	return out
}

func decodeOutput(t *testing.T, cmd *exec.Cmd, result any) {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", cmd.Args, err, out, stderr.Bytes())
	}
	if err := json.Unmarshal(out, result); err != nil {
		t.Fatalf("%v printed no JSON: %v\n%s", cmd.Args, err, out)
	}
}
