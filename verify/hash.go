package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/akadata/bitnet-tool/internal/digest"
)

// Known is what is known of the bytes that a file should have.
type Known struct {
	Source string // who says so, for people: "the manifest of tiny@v1"
	Size   int64
	SHA256 string // 64 hexadecimal digits
	Blocks []byte // SHA-256 of each MiB, one after the other; the last may be short
}

// digests are what a file's bytes come to.
type digests struct {
	disk  *os.File
	known *Known // nil if nobody says what they should be

	size   int64
	whole  [sha256.Size]byte
	blocks []byte // as in [Known]; empty if nothing is known to compare with
}

func (d *digests) hex() string { return hex.EncodeToString(d.whole[:]) }

// hasher digests a file that is given to it block by block.
type hasher struct {
	whole  hash.Hash    // if the blocks' digests are not wanted
	pair   *digest.Pair // if they are
	size   int64
	blocks []byte
}

func newHasher(blocks bool) hasher {
	if blocks {
		return hasher{pair: digest.New()}
	}
	return hasher{whole: sha256.New()}
}

func (h *hasher) block(b []byte) {
	h.size += int64(len(b))
	if h.pair == nil {
		h.whole.Write(b)
		return
	}
	sum := h.pair.Block(b)
	h.blocks = append(h.blocks, sum[:]...)
}

// sum fills in d.
func (h *hasher) sum(d *digests) {
	d.size, d.blocks = h.size, h.blocks
	if h.pair != nil {
		d.whole = h.pair.Sum()
	} else {
		h.whole.Sum(d.whole[:0])
	}
}

// blobName matches the names that a Hugging Face cache gives to large files:
// their SHA-256 (huggingface_hub, file_download.py: the etag of an LFS file).
var blobName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// checkDigest compares the file's SHA-256 with the one that is known for it.
func checkDigest(ctx context.Context, s *Subject) []Finding {
	if s.read(ctx); s.err != nil {
		return nil
	}
	s.covered = s.tensorBytes()
	var fs []Finding
	for _, d := range s.digests {
		f := d.judge()
		f.File = s.spot(d.disk, 0).file
		fs = append(fs, f)
	}
	return fs
}

func (d *digests) judge() Finding {
	sum := d.hex()
	switch want := cacheDigest(d.disk.Name()); {
	case d.known != nil && d.known.SHA256 != sum:
		return finding(Error, "sha256:%s, but %s says sha256:%s", sum, d.known.Source, d.known.SHA256)
	case d.known != nil:
		return finding(Info, "sha256:%s, as %s says", sum, d.known.Source)
	case want == "":
		return finding(Info, "sha256:%s; there is no manifest to compare it with", sum)
	case want != sum:
		return finding(Error, "sha256:%s, but the Hugging Face cache it lies in says sha256:%s; download it again", sum, want)
	default:
		return finding(Info, "sha256:%s, as in the Hugging Face cache it lies in", sum)
	}
}

// cacheDigest reads a file's digest off its real name if it lies in a Hugging
// Face cache, else "".
func cacheDigest(path string) string {
	blob, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	name := filepath.Base(blob)
	if filepath.Base(filepath.Dir(blob)) != "blobs" || !blobName.MatchString(name) {
		return ""
	}
	return name
}

// checkChanged names what lies where a file is not what it was.
func checkChanged(ctx context.Context, s *Subject) []Finding {
	if s.read(ctx); s.err != nil {
		return nil
	}
	var fs []Finding
	for _, d := range s.digests {
		if d.known == nil || d.known.SHA256 == d.hex() {
			continue
		}
		if more := d.size - d.known.Size; more != 0 {
			fs = append(fs, finding(Error, "has %d bytes, not %d", d.size, d.known.Size).at(s.spot(d.disk, min(d.size, d.known.Size))))
		}
		for lo := int64(0); lo*sha256.Size < int64(min(len(d.known.Blocks), len(d.blocks))); lo++ {
			hi := lo
			for d.changed(hi) {
				hi++
			}
			if hi > lo {
				fs = append(fs, s.changedBytes(d.disk, lo*blockSize, min(hi*blockSize, d.size)))
				lo = hi
			}
		}
	}
	return fs
}

// changed reports whether a block is there, as long as it was, and not what it
// was.
func (d *digests) changed(block int64) bool {
	at, end := block*sha256.Size, (block+1)*sha256.Size
	if end > int64(min(len(d.known.Blocks), len(d.blocks))) || d.size != d.known.Size && (block+1)*blockSize > min(d.size, d.known.Size) {
		return false
	}
	return string(d.known.Blocks[at:end]) != string(d.blocks[at:end])
}

// changedBytes names the tensors in a stretch of a file that has changed. What
// is known is known of blocks, so of several one may be what it was.
func (s *Subject) changedBytes(disk *os.File, from, to int64) Finding {
	var names []string
	for _, t := range s.file.Tensors {
		part, start := s.file.Place(t)
		if s.diskOf(part) == disk && max(from, start) < min(to, start+t.Size) {
			names = append(names, t.Name)
		}
	}
	f := finding(Error, "the %d bytes of the file from %d on are not what they were", to-from, from).at(s.spot(disk, from))
	switch n := len(names); {
	case n == 1:
		return f.of(names[0])
	case n > mostNames:
		f.Detail += fmt.Sprintf("; %s and %d more tensors are there", strings.Join(names[:mostNames], ", "), n-mostNames)
	case n > 0:
		f.Detail += fmt.Sprintf("; %s are there", strings.Join(names, ", "))
	}
	return f
}

// mostNames is how many names a sentence has.
const mostNames = 8
