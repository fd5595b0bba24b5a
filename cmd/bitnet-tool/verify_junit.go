package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/akadata/bitnet-tool/verify"
)

// junitResult is a report as CI systems read it: a suite for each level, a case
// for each rule. It follows the dialect that GitLab and Jenkins document.
type junitResult struct {
	result
	target string
	levels []junitLevel
	strict bool
}

// junitLevel is what the two kinds of report have in common.
type junitLevel struct {
	name, unchecked string
	seconds         float64
	rules           []string // in the order of the cases
	findings        []junitFinding
}

type junitFinding struct {
	rule, text string
	severity   verify.Severity
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// newJUnit takes the report out of a result; what is none stays as it is.
func newJUnit(res result, strict bool) result {
	j := &junitResult{result: res, strict: strict}
	switch r := res.(type) {
	case verifyResult:
		j.target = r.Target
		for _, l := range r.Levels {
			level := junitLevel{name: l.Level.String(), unchecked: l.Unchecked, seconds: l.Seconds}
			for _, c := range verify.Checks() {
				if c.Cost == l.Level {
					level.rules = append(level.rules, c.Name)
				}
			}
			for _, f := range l.Findings {
				level.findings = append(level.findings, junitFinding{f.Rule, described(f) + place(f), f.Severity})
			}
			j.levels = append(j.levels, level)
		}
	case *snapshotResult:
		j.target = r.Target
		for _, l := range r.Levels {
			level := junitLevel{name: l.Level.String(), unchecked: l.Unchecked, seconds: l.Seconds, rules: []string{"hash.digest"}}
			for _, f := range l.Findings {
				level.findings = append(level.findings, junitFinding{f.Rule, ofFile(f), f.Severity})
			}
			j.levels = append(j.levels, level)
		}
	default:
		return res
	}
	return j
}

func (r *junitResult) text(w io.Writer) {
	all := junitSuites{Name: xmlText(program + " verify " + r.target)}
	for _, l := range r.levels {
		s := l.suite(r.strict)
		all.Suites = append(all.Suites, s)
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
	}
	fmt.Fprint(w, xml.Header)
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	e.Encode(all) //nolint:errcheck // w keeps its error, and the types cannot fail
	fmt.Fprintln(w)
}

func (l junitLevel) suite(strict bool) junitSuite {
	s := junitSuite{Name: l.name, Time: fmt.Sprintf("%.3f", l.seconds)}
	rules := l.rules
	known := map[string]bool{}
	for _, name := range rules {
		known[name] = true
	}
	for _, f := range l.findings {
		if !known[f.rule] {
			known[f.rule], rules = true, append(rules, f.rule)
		}
	}
	for _, name := range rules {
		c := junitCase{Class: l.name, Name: name}
		var failed, said []string
		for _, f := range l.findings {
			switch text := xmlText(f.text); {
			case f.rule != name:
			case f.severity == verify.Error || strict && f.severity == verify.Warning:
				failed = append(failed, string(f.severity)+": "+text)
			default:
				said = append(said, string(f.severity)+": "+text)
			}
		}
		if len(failed) > 0 {
			c.Failure = &junitMessage{failed[0], strings.Join(failed, "\n")}
			s.Failures++
		}
		c.Out = strings.Join(said, "\n")
		s.Cases = append(s.Cases, c)
	}
	if l.unchecked != "" {
		text := xmlText(l.unchecked)
		s.Cases = append(s.Cases, junitCase{Class: l.name, Name: l.name + " was checked", Error: &junitMessage{text, text}})
		s.Errors++
	}
	s.Tests = len(s.Cases)
	return s
}

// xmlText replaces what XML 1.0 cannot hold, and what could steer a terminal.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
