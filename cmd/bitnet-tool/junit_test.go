package main

import (
	"bytes"
	"encoding/xml"
	"os/exec"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/verify"
)

// TestJUnit reads reports with other programs' eyes: encoding/xml's, and
// xmllint's if there is one.
func TestJUnit(t *testing.T) {
	offset := int64(7)
	r := verifyResult{&verify.Report{Target: "a<b>&\"\x1b.gguf", Levels: []verify.LevelReport{
		{Level: verify.Header, OK: true, Findings: []verify.Finding{{Rule: "header.template", Severity: verify.Warning, Key: "k", Detail: "x ]]> y"}}},
		{Level: verify.Content, Findings: []verify.Finding{
			{Rule: "content.code", Severity: verify.Error, Tensor: "blk.0\x00\xff", Offset: &offset, Detail: "<bad>"},
			{Rule: "content.code", Severity: verify.Error, Tensor: "blk.1", Detail: "second"},
		}},
		{Level: verify.Smoke, Unchecked: "time is up", Findings: []verify.Finding{}},
	}}}
	for _, tt := range []struct {
		strict           bool
		failures, errors int
	}{{false, 1, 1}, {true, 2, 1}} {
		var out bytes.Buffer
		newJUnit(r, tt.strict).text(&out)
		var got junitSuites
		d := xml.NewDecoder(bytes.NewReader(out.Bytes()))
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%v in\n%s", err, out.String())
		}
		if rest := out.Bytes()[d.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
			t.Errorf("something follows: %s", rest)
		}
		tests, failures := 0, 0
		for _, s := range got.Suites {
			if s.Tests != len(s.Cases) {
				t.Errorf("suite %s counts %d of %d cases", s.Name, s.Tests, len(s.Cases))
			}
			tests += s.Tests
			for _, c := range s.Cases {
				if c.Failure != nil {
					failures++
				}
			}
		}
		if got.Tests != tests || got.Failures != failures || got.Failures != tt.failures || got.Errors != tt.errors || len(got.Suites) != 3 {
			t.Errorf("strict %t: %d suites, %d tests, %d failures, %d errors", tt.strict, len(got.Suites), got.Tests, got.Failures, got.Errors)
		}
		if s := out.String(); !strings.Contains(s, "second") || strings.ContainsAny(s, "\x1b\x00") {
			t.Errorf("got\n%s", s)
		}
		lint, err := exec.LookPath("xmllint")
		if err != nil {
			continue
		}
		cmd := exec.Command(lint, "--noout", "--nonet", "-")
		cmd.Stdin = &out
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("xmllint: %v: %s", err, msg)
		}
	}
}
