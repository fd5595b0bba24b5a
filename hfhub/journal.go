package hfhub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// record is a line of the journal beside a partial file, as JSON. The first
// line, and one more for each later process, is a header; the others say which
// bytes are there. A journal only grows, so that no death of a process damages
// it; a line that was cut off counts for nothing. It knows no signed URL.
type record struct {
	Head *header `json:"head,omitempty"`
	// Done has been written, and is lost if the machine goes down.
	Done *extent `json:"done,omitempty"`
	// Safe is on the disk.
	Safe []extent `json:"safe,omitempty"`
}

// extent is the bytes [0] ≤ x < [1].
type extent [2]int64

type header struct {
	Format int     `json:"format"`
	ETag   string  `json:"etag"`
	Size   int64   `json:"size"`
	Source origins `json:"source"`
	Boot   string  `json:"boot"` // of the machine; "" where boots cannot be told apart
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
	journalFormat = 2
	maxJournal    = 16 << 20
)

// bootID tells one boot of the machine from another (proc(5)).
func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

// journal is the file that is written to.
type journal struct{ f *os.File }

// openJournal begins to add to the journal of p.
func (p *partial) openJournal() (*journal, error) {
	f, err := create(p.root, p.journal, os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	src, j := p.source, &journal{f}
	h := &header{
		journalFormat, src.File.ETag(), src.File.Size,
		origins{p.from, string(src.Repo.Type), src.Repo.ID, src.Commit, src.File.Path},
		bootID(),
	}
	if err := j.add(record{Head: h}); err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// add writes one line. It begins with the end of the last one, which may lack
// it.
func (j *journal) add(r record) error {
	b, err := json.Marshal(r)
	if err == nil {
		_, err = j.f.Write(append([]byte{'\n'}, b...))
	}
	return err
}

// Close ends the use of the journal; nil is fine.
func (j *journal) Close() error {
	if j == nil {
		return nil
	}
	return j.f.Close()
}

// readJournal gives the bytes that are there, in no order. It is not ok if
// there is no journal, or if it is of other content.
func (p *partial) readJournal() (there []extent, ok bool) {
	b, err := readSmall(p.root, p.journal, maxJournal)
	if err != nil {
		return nil, false
	}
	boot, f, alive := bootID(), p.source.File, false
	for line := range bytes.Lines(b) {
		var r record
		if len(bytes.TrimSpace(line)) == 0 || json.Unmarshal(line, &r) != nil {
			continue
		}
		if h := r.Head; h != nil {
			if h.Format != journalFormat || h.ETag != f.ETag() || h.Size != f.Size {
				return nil, false
			}
			ok, alive = true, h.Boot == boot
		}
		there = append(there, r.Safe...)
		if r.Done != nil && alive {
			there = append(there, *r.Done)
		}
	}
	return there, ok
}

// extents lists the blocks that are done, neighbours as one.
func (p *partial) extents() []extent {
	var out []extent
	for i, done := range p.done {
		from, to := p.span(i)
		switch n := len(out); {
		case !done:
		case n > 0 && out[n-1][1] == from:
			out[n-1][1] = to
		default:
			out = append(out, extent{from, to})
		}
	}
	return slices.Clip(out)
}

// readLimited reads a whole file that must not be large.
func readLimited(f *os.File, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s: larger than %d bytes", name, limit)
	}
	return b, err
}
