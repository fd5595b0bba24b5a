package verify

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/rules.md anew")

// page makes docs/rules.md of the table of rules.
func page() string {
	var b strings.Builder
	b.WriteString("# Rules of verify\n\nMade from the table in package verify by `go test ./verify -run TestRulesPage -update`.\n" +
		"`bitnet-tool explain ID` prints the same. Each rule says what holds in a good file;\n" +
		"its severity is that of its gravest findings.\n")
	level := Level(255)
	for _, c := range Checks() {
		if c.Cost != level {
			level = c.Cost
			fmt.Fprintf(&b, "\n## Level %s\n", level)
		}
		fmt.Fprintf(&b, "\n### %s\n\n*%s.* %s\n\n%s\n\n**What to do.** %s\n", c.Name, c.Severity, c.Doc, c.Why, c.Next)
	}
	return b.String()
}

// TestRulesPage keeps the page and the table the same.
func TestRulesPage(t *testing.T) {
	const path = "../docs/rules.md"
	if *update {
		if err := os.WriteFile(path, []byte(page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page(), string(have)); diff != "" {
		t.Errorf("docs/rules.md is stale, run this test with -update (-want +have):\n%s", diff)
	}
}
