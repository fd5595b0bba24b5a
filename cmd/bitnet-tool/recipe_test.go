package main

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/quant"
)

// TestRecipe runs the script that the examples of docs/ci call.
func TestRecipe(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	script, err := filepath.Abs("../../docs/ci/verify-model.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range []string{"github.yml", "gitlab.yml"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(script), example))
		if err != nil || !strings.Contains(string(text), "./verify-model.sh models/*.gguf") {
			t.Errorf("%s does not call the script: %v", example, err)
		}
	}
	dir := t.TempDir()
	tool := filepath.Join(dir, program)
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, tool) // under this name the test is the program: TestMain
	}
	if err != nil {
		t.Fatal(err)
	}
	good := quantized(t, fixture.BF16(t), quant.I2_S)
	bad := filepath.Join(dir, "bad model.gguf")
	if err := os.WriteFile(bad, []byte("GGUF is what this is not"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		args    []string
		env     []string
		code    int
		want    string
		reports int
	}{
		{"good", []string{good}, []string{"MAX_SECONDS=600"}, 0, "ok    " + good, 1},
		{"good and bad", []string{good, bad}, []string{"STRICT=1"}, 4, "FAIL  " + bad + " (exit code 4", 2},
		{"missing", []string{filepath.Join(dir, "none.gguf")}, nil, 5, "exit code 5", 0},
		{"nothing", nil, nil, 2, "usage:", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reports := filepath.Join(t.TempDir(), "reports")
			cmd := exec.Command(sh, append([]string{script}, tt.args...)...)
			cmd.Env = append(os.Environ(), append(tt.env, "BITNET_TOOL="+tool, "REPORTS="+reports)...)
			out, _ := cmd.CombinedOutput() // the exit code says it
			if code := cmd.ProcessState.ExitCode(); code != tt.code || !strings.Contains(string(out), tt.want) {
				t.Errorf("exit code %d, want %d; it says\n%s", code, tt.code, out)
			}
			files, err := filepath.Glob(filepath.Join(reports, "*.xml"))
			if err != nil || len(files) != tt.reports {
				t.Errorf("%d reports, want %d", len(files), tt.reports)
			}
			for _, f := range files {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if err := xml.Unmarshal(data, &junitSuites{}); err != nil {
					t.Errorf("%s: %v", f, err)
				}
			}
		})
	}
}
