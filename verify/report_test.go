package verify

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReportJSON pins the names that scripts rely on.
func TestReportJSON(t *testing.T) {
	r := &Report{
		Target:  "m.gguf",
		Verdict: File,
		Levels: []LevelReport{{
			Level: Lineage, Coverage: 1, Seconds: 0.5,
			Findings: []Finding{
				{Rule: "lineage.weights", Severity: Error, Tensor: "t", Detail: "d"},
				finding(Warning, "e").about("k").at(spot{}).weight(0),
			},
		}, {Level: Smoke, OK: true, Unchecked: "u", Findings: []Finding{}}},
	}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"target":"m.gguf","levels":[` +
		`{"level":"lineage","ok":false,"coverage":1,"seconds":0.5,"findings":[` +
		`{"rule":"lineage.weights","severity":"error","tensor":"t","detail":"d"},` +
		`{"rule":"","severity":"warning","key":"k","offset":0,"element":0,"detail":"e"}]},` +
		`{"level":"smoke","ok":true,"coverage":0,"seconds":0,"unchecked":"u","findings":[]}],"verdict":"FILE"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w := r.Worst(); w == nil || w.Rule != "lineage.weights" || r.Count(Error) != 1 || r.Count(Info) != 0 {
		t.Errorf("worst %v, %d errors", w, r.Count(Error))
	}
}

// TestChecks keeps the table whole: names are unique, begin with their level,
// and the levels are in order.
func TestChecks(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+\.[a-z]+$`)
	var names []string
	last := Header
	for _, c := range Checks() {
		if !name.MatchString(c.Name) || !strings.HasPrefix(c.Name, c.Cost.String()+".") || c.Run == nil {
			t.Errorf("check %q of level %s", c.Name, c.Cost)
		}
		for _, text := range []string{c.Doc, c.Why, c.Next} {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q is no sentence", c.Name, text)
			}
		}
		if slices.Contains(names, c.Name) || c.Cost < last {
			t.Errorf("%s is out of place", c.Name)
		}
		names, last = append(names, c.Name), c.Cost
	}
}

func TestParseLevel(t *testing.T) {
	for l := Header; l <= Golden; l++ {
		if got, err := ParseLevel(l.String()); err != nil || got != l {
			t.Errorf("%s: %v, %v", l, got, err)
		}
	}
	if _, err := ParseLevel("Smoke"); err == nil {
		t.Error("a level in capitals is known")
	}
}
