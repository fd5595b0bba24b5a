package pipeline

import (
	"bufio"
	"io"
	"os"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Limits of what is read of a model card.
const (
	maxCard    = 64 << 10
	maxLicense = 100
)

// license reads the license from the metadata of README.md, the lines between
// two of "---" at its beginning; "" if it says none. The Hub's field is
// described in huggingface/hub-docs, modelcard.md.
func (in *Intake) license() string {
	for _, e := range in.Entries {
		if e.Path == "README.md" {
			return licenseIn(in.Root, e.From)
		}
	}
	return ""
}

func licenseIn(root *os.Root, card string) string {
	if _, err := store.NewEntry(root, card, "README.md"); err != nil {
		return "" // not there, or no plain file
	}
	f, err := root.Open(card)
	if err != nil {
		return ""
	}
	defer f.Close()
	return licenseOf(io.LimitReader(f, maxCard))
}

func licenseOf(card io.Reader) string {
	lines := bufio.NewScanner(card)
	if !lines.Scan() || strings.TrimRight(lines.Text(), " \r") != "---" {
		return ""
	}
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), " \r")
		if line == "---" {
			return ""
		}
		value, ok := strings.CutPrefix(line, "license:")
		if !ok {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		if len(value) > maxLicense || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			return ""
		}
		return value
	}
	return ""
}
