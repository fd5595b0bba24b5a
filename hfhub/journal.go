package hfhub

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// journal is what a partial file holds, as JSON beside it. It knows no signed
// URL.
type journal struct {
	Format int        `json:"format"`
	ETag   string     `json:"etag"`
	Size   int64      `json:"size"`
	Source origins    `json:"source"`
	Done   [][2]int64 `json:"done"` // [from, to), ascending
}

// origins tells people where the content comes from. It is not compared: the
// digest says what content it is.
type origins struct {
	Endpoint string `json:"endpoint"`
	Type     string `json:"type"`
	Repo     string `json:"repo"`
	Commit   string `json:"commit"`
	Path     string `json:"path"`
}

const (
	journalFormat = 1
	maxJournal    = 16 << 20
)

// readJournal gives the spans that are there. It is not ok if there is no
// journal, or if it is of other content.
func (p *partial) readJournal() ([][2]int64, bool) {
	b, err := readSmall(p.root, p.journal, maxJournal)
	var j journal
	if err != nil || json.Unmarshal(b, &j) != nil {
		return nil, false
	}
	f := p.source.File
	return j.Done, j.Format == journalFormat && j.ETag == f.ETag() && j.Size == f.Size
}

// writeJournal replaces the journal. The caller holds the lock.
func (p *partial) writeJournal() error {
	src := p.source
	j := journal{
		Format: journalFormat, ETag: src.File.ETag(), Size: src.File.Size,
		Source: origins{p.from, string(src.Repo.Type), src.Repo.ID, src.Commit, src.File.Path},
	}
	for i, done := range p.done {
		from, to := p.span(i)
		switch n := len(j.Done); {
		case !done:
		case n > 0 && j.Done[n-1][1] == from:
			j.Done[n-1][1] = to
		default:
			j.Done = append(j.Done, [2]int64{from, to})
		}
	}
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return replace(p.root, p.journal, p.scratch(), b)
}

// readLimited reads a whole file that must not be large.
func readLimited(f *os.File, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s: larger than %d bytes", name, limit)
	}
	return b, err
}
