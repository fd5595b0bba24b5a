package main

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
)

// programJSON is what one program makes of a file.
type programJSON struct {
	Name    string   `json:"name"`
	Loads   bool     `json:"loads"`
	Reasons []string `json:"reasons"` // why not
	Notes   []string `json:"notes"`   // what its user has to know

	unknown bool // whether it loads the file
}

// programs asks all known programs about a file, and names those that can load
// it.
func programs(f *gguf.File) (all []programJSON, loadable []string) {
	loadable = []string{}
	var old string
	switch {
	case f.ByteOrder == binary.BigEndian:
		old = "the file is big-endian"
	case f.Version < 2:
		old = fmt.Sprintf("the file has GGUF version %d", f.Version)
	}
	for _, v := range convert.Verdicts(&f.Meta, f.Tensors) {
		if old != "" {
			v.Refusals = append([]string{old}, v.Refusals...)
		}
		p := programJSON{v.Program, len(v.Refusals) == 0, orEmpty(v.Refusals), orEmpty(v.Caveats), v.Unknown}
		if p.Loads {
			loadable = append(loadable, p.Name)
		}
		all = append(all, p)
	}
	return all, loadable
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// programTable says for each program whether it loads the file, and why not.
func programTable(w io.Writer, all []programJSON) {
	var rows [][]string
	for _, p := range all {
		says := "loads it"
		if !p.Loads {
			says = "does not: " + printable(p.Reasons[0])
			if p.unknown {
				says = "not known: " + printable(p.Reasons[0])
			}
			if more := len(p.Reasons) - 1; more > 0 {
				says += fmt.Sprintf(" (and %d more)", more)
			}
		}
		rows = append(rows, []string{"  " + p.Name, says})
		for _, n := range p.Notes {
			rows = append(rows, []string{"", printable(n)})
		}
	}
	table(w, rows)
}
