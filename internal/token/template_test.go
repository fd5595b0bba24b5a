package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTemplatesAsJinja compares with the texts that Jinja gives;
// testdata/templates.py makes them.
func TestTemplatesAsJinja(t *testing.T) {
	var cases []struct {
		Template string `json:"template"`
		Chat
		Rendered string `json:"rendered"`
		Error    string `json:"error"` // the template's own, by raise_exception
	}
	data, err := os.ReadFile("testdata/templates/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 100 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Template, func(t *testing.T) {
			src, err := os.ReadFile(filepath.Join("testdata/templates", c.Template))
			if err != nil {
				t.Fatal(err)
			}
			c.BOS, c.EOS = "<|begin_of_text|>", "<|end_of_text|>"
			c.Now = time.Date(2026, 3, 7, 14, 5, 9, 0, time.UTC)
			got, err := RenderTemplate(context.Background(), string(src), c.Chat)
			switch {
			case c.Error != "":
				if !errors.Is(err, ErrTemplate) || !strings.Contains(err.Error(), c.Error) {
					t.Errorf("%q, error %v, want the error %q", got, err, c.Error)
				}
			case err != nil:
				t.Errorf("%+v: %v", c.Messages, err)
			default:
				if diff := cmp.Diff(c.Rendered, got); diff != "" {
					t.Errorf("%+v (-want +got):\n%s", c.Messages, diff)
				}
			}
			if want := strings.HasPrefix(c.Template, "known-"); KnownTemplate(string(src)) != want {
				t.Errorf("known: %t, want %t", !want, want)
			}
		})
	}
}

// TestHostileTemplates: each ends in an error that says why, in a moment.
func TestHostileTemplates(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(secret, []byte("TOP SECRET"), 0o600); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	loop := func(n int, body string) string {
		return strings.Repeat("{% for i in range(10000) %}", n) + body + strings.Repeat("{% endfor %}", n)
	}
	for _, tt := range []struct{ name, src, text string }{
		{"include a file", "{% include '" + secret + "' %}", "include"},
		{"include ignoring errors", "{% include '" + secret + "' ignore missing %}", "include"},
		{"import", "{% import '" + secret + "' as x %}{{ x }}", "import"},
		{"from import", "{% from '" + secret + "' import x %}", "from"},
		{"extends", "{% extends '" + secret + "' %}", "extends"},
		{"long range", "{% for i in range(1000000000) %}{% endfor %}", "10000 items"},
		{"endless range", "{{ range(9223372036854775807) }}", "10000 items"},
		{"range of step 0", "{{ range(0, 5, 0) }}", "step"},
		{"range down", "{{ range(0, -9223372036854775807, -1) }}", "10000 items"},
		{"range that overflows", "{{ range(0, 9223372036854775807, 9223372036854775806) }}", "10000 items"},
		{"many ranges", loop(2, "."), "100000 in all"},
		{"many rounds", "{% set l = range(10000) %}" + strings.Repeat("{% for i in l %}", 3) + strings.Repeat("{% endfor %}", 3), "200000 times"},
		{"long output", loop(1, strings.Repeat("x", 1000)), "1048576 bytes"},
		{"long output of a block", "{% set x %}" + loop(1, strings.Repeat("x", 1000)) + "{% endset %}", "1048576 bytes"},
		{"long output of a macro", "{% macro m() %}" + loop(1, strings.Repeat("x", 1000)) + "{% endmacro %}{{ m() }}", "1048576 bytes"},
		{"macro of itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "32 deep"},
		{"macros of each other", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}", "32 deep"},
		{"recursive loop", "{% for m in messages recursive %}{{ loop([m]) }}{% endfor %}", "recursive"},
		{"class of a text", "{{ ''.__class__.__mro__ }}", "__class__"},
		{"class by item", "{{ ''['__class__'] }}", "__class__"},
		{"private attribute", "{{ messages._x }}", "_x"},
		{"attribute filter", "{{ messages | attr('x') }}", "attr"},
		{"any width", "{{ 'x' | center(1000000000) }}", "center"},
		{"any width by format", "{{ '%1000000000d' | format(1) }}", "format"},
		{"any width by method", "{{ 'x'.ljust(1000000000) }}", "ljust"},
		{"lipsum", "{{ lipsum(1000000) }}", "lipsum"},
		{"unknown filter", "{{ messages | tojson }}", "tojson"},
		{"brackets", "{{ " + strings.Repeat("(", 30000) + strings.Repeat(")", 30000) + " }}", "64 open brackets"},
		{"too long", strings.Repeat("x", maxTemplate+1), "at most 65536"},
		{"modulo zero", "{{ 1 % 0 }}", "divide by zero"},
		{"negative repetition", "{{ 'x' * -1 }}", "engine failed"},
		{"open tag", "{% if", "block"},
		{"open string", "{{ 'x }}", "identifier"},
		{"unknown date", "{{ strftime_now('%Q') }}", "unknown directive"},
		{"raised", "{{ raise_exception('no tools') }}", "no tools"},
		{"long error", "{{ raise_exception('" + strings.Repeat("long ", 10000) + "') }}", "long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := RenderTemplate(context.Background(), tt.src, Chat{Messages: []Message{{"user", "x"}}})
			if !errors.Is(err, ErrTemplate) || got != "" || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Fatalf("%.200q, error %v, want one with %q", got, err, tt.text)
			}
			if s := err.Error(); len(s) > 600 || strings.Contains(s, "SECRET") || strings.Contains(s, "\n") {
				t.Errorf("error of %d bytes: %.700s", len(s), s)
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		if _, err := RenderTemplate(canceled, "{% for m in messages %}{% endfor %}", Chat{Messages: []Message{{"user", "x"}}}); !errors.Is(err, ErrTemplate) {
			t.Errorf("error %v", err)
		}
	})
}

// TestTemplateIsNotShared: one rendering uses up nothing of the next one's
// limits.
func TestTemplateIsNotShared(t *testing.T) {
	for range 15 {
		text, err := RenderTemplate(context.Background(), "{% for i in range(10000) %}{% endfor %}x", Chat{})
		if err != nil || text != "x" {
			t.Fatalf("%q, error %v", text, err)
		}
	}
}
