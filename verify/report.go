package verify

import (
	"fmt"
	"strings"
)

// Level groups checks by what they cost. Levels run in this order.
type Level uint8

// The levels.
const (
	Header  Level = iota // metadata and tensor directory; reads no weights
	Hash                 // digest of the file
	Content              // every weight, for itself
	Lineage              // every weight and key, against the checkpoint
	Smoke                // a short evaluation
	Golden               // an evaluation, against a baseline
	Engine               // an evaluation, against another program
)

var levelNames = [...]string{"header", "hash", "content", "lineage", "smoke", "golden", "engine"}

func (l Level) String() string { return levelNames[l] }

// MarshalText gives the level's name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// ParseLevel finds a level by its name. [Engine] is none to stop at: it runs
// whenever there is a program to compare with. An unknown name is an
// [ErrOption].
func ParseLevel(name string) (Level, error) {
	for i, n := range levelNames[:Engine] {
		if n == name {
			return Level(i), nil
		}
	}
	return 0, fmt.Errorf("%w: level %q, known are %s", ErrOption, name, strings.Join(levelNames[:Engine], ", "))
}

// Severity says what a finding means for the file.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the file is bad
	Warning Severity = "warning" // suspicious, or bad for some programs
	Info    Severity = "info"    // worth knowing
)

// Finding is one thing that a check saw.
type Finding struct {
	Rule     string   `json:"rule"` // name of the check
	Severity Severity `json:"severity"`
	Tensor   string   `json:"tensor,omitempty"`
	Key      string   `json:"key,omitempty"`     // of the metadata
	File     string   `json:"file,omitempty"`    // name of one of several
	Offset   *int64   `json:"offset,omitempty"`  // bytes, from the start of the file
	Element  *int64   `json:"element,omitempty"` // of the tensor, counted row by row
	Detail   string   `json:"detail"`

	fault   Verdict // who is at fault, if it does not follow from the rule
	symptom bool    // the fault may be elsewhere
}

// finding makes a Finding; the runner adds the rule.
func finding(s Severity, format string, args ...any) Finding {
	return Finding{Severity: s, Detail: fmt.Sprintf(format, args...)}
}

func (f Finding) of(tensor string) Finding  { f.Tensor = tensor; return f }
func (f Finding) about(key string) Finding  { f.Key = key; return f }
func (f Finding) at(s spot) Finding         { f.File, f.Offset = s.file, &s.offset; return f }
func (f Finding) weight(elem int64) Finding { f.Element = &elem; return f }

// spot is a place on the disk.
type spot struct {
	file   string // base name of a part; "" if the model is in one file
	offset int64  // bytes
}

// Object names what a finding is about: its tensor or key, "" for the file.
func (f Finding) Object() string {
	if f.Tensor != "" {
		return f.Tensor
	}
	return f.Key
}

// LevelReport is the outcome of one level.
type LevelReport struct {
	Level     Level     `json:"level"`
	OK        bool      `json:"ok"`       // all was checked and no finding is an error
	Coverage  float64   `json:"coverage"` // share of the tensor bytes that were looked at, 0 to 1
	Seconds   float64   `json:"seconds"`
	Unchecked string    `json:"unchecked,omitempty"` // why the level was not finished
	Findings  []Finding `json:"findings"`
}

// Verdict says where the fault is.
type Verdict string

// The verdicts.
const (
	Good      Verdict = "GOOD"      // weights and metadata are the checkpoint's, or the model works
	File      Verdict = "FILE"      // weights, structure or hyper-parameters
	Tokenizer Verdict = "TOKENIZER" // vocabulary
	Template  Verdict = "TEMPLATE"  // chat template
	Faulty    Verdict = "ENGINE"    // the file is good, the other program is not
	Unknown   Verdict = "UNKNOWN"   // not enough was checked
)

// Report is the outcome of [Run].
type Report struct {
	Target  string        `json:"target"`
	Levels  []LevelReport `json:"levels"`
	Verdict Verdict       `json:"verdict"`
}

// Worst gives the first of the gravest findings; nil if there are none above
// [Info].
func (r *Report) Worst() *Finding {
	for _, s := range []Severity{Error, Warning} {
		for _, l := range r.Levels {
			for i := range l.Findings {
				if l.Findings[i].Severity == s {
					return &l.Findings[i]
				}
			}
		}
	}
	return nil
}

// Count gives the number of findings of a severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, l := range r.Levels {
		for _, f := range l.Findings {
			if f.Severity == s {
				n++
			}
		}
	}
	return n
}
