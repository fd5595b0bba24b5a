package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Schema is the version of the manifest's JSON that this package writes, and
// the highest it reads. Fields are only ever added to one.
const Schema = 1

// Where the manifest of a version is, below its folder.
const (
	MetaDir      = ".bitnet-tool"
	ManifestPath = MetaDir + "/manifest.json"
)

// Limits of what is read as a manifest.
const (
	// MaxManifest bounds its bytes: 4 TiB of content have block digests of
	// 43 bytes a MiB, 180 MB.
	MaxManifest = 256 << 20
	// MaxFiles bounds the files of a version.
	MaxFiles = 100_000
)

// Manifest describes one version: what its files are and where they came from.
// docs/schema/manifest.v1.json describes its JSON.
type Manifest struct {
	Schema  int       `json:"schema"`
	Name    string    `json:"name"`    // as published
	Version string    `json:"version"` // as published
	Digest  Digest    `json:"digest"`  // of Files; see [DigestOf]
	Tool    string    `json:"tool"`    // program and version that wrote this
	Time    time.Time `json:"time"`    // of publishing, UTC, whole microseconds
	Source  Source    `json:"source"`

	// Verified: every file was compared with the Hub's digest while it was
	// copied. False says only that there was nothing to compare with.
	Verified     bool         `json:"verified"`
	Completeness Completeness `json:"completeness"`

	Parents []Digest `json:"parents"` // versions or files this was made from
	Recipe  *Recipe  `json:"recipe"`  // how it was made from them, null for a copy
	Files   []File   `json:"files"`   // sorted bytewise by path

	// Omitted lists files of the commit that a filter left out, sorted.
	Omitted []Omitted `json:"omitted"`
}

// Completeness tells whether all files of a commit are there.
type Completeness string

// What can be known of it.
const (
	Complete Completeness = "complete" // all that the source's list names
	Filtered Completeness = "filtered" // all but Omitted
	Unknown  Completeness = "unknown"  // there is no list
)

// Source is where the files were taken from. Its fields are empty where they
// do not apply or are not known.
type Source struct {
	Kind     string `json:"kind"`      // "hub", "path" or "quantize"
	Repo     string `json:"repo"`      // namespace/name
	RepoType string `json:"repo_type"` // "model", "dataset", "space"
	Endpoint string `json:"endpoint"`  // the Hub's address, without credentials
	Ref      string `json:"ref"`       // revision as asked for
	Commit   string `json:"commit"`    // 40 hexadecimal digits
	License  string `json:"license"`   // as the model card says
	Path     string `json:"path"`      // of kinds path and quantize: as given
}

// Kinds of sources.
const (
	FromHub      = "hub"
	FromPath     = "path"
	FromQuantize = "quantize"
)

// Recipe says how the files were made.
type Recipe struct {
	Command string            `json:"command"` // such as "quantize"
	Options map[string]string `json:"options"` // by the names of its flags
}

// Omitted is a file of the commit that was left out on purpose.
type Omitted struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// File is one file of a version.
type File struct {
	Path   string   `json:"path"` // slash-separated, relative
	Size   int64    `json:"size"`
	SHA256 Digest   `json:"sha256"`
	Hub    Identity `json:"hub"`

	// Blocks are the raw SHA-256 of each MiB, one after another, base64 in
	// JSON; the last block may be short, an empty file has none.
	Blocks []byte `json:"blocks"`
}

// BlockSize is the length that block digests are of, in bytes.
const BlockSize = 1 << 20

// Identity is what the Hub calls a file's content; both are empty if it is
// not known.
type Identity struct {
	SHA256 string `json:"sha256"`  // of the content, 64 hex: files in LFS
	GitOID string `json:"git_oid"` // git's blob SHA-1, 40 hex: of the content, for LFS of its pointer
}

// Known reports whether there is anything to compare content with.
func (id Identity) Known() bool { return id.SHA256 != "" || id.GitOID != "" }

// Size is the sum of the files' sizes.
func (m *Manifest) Size() int64 {
	var n int64
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// Ref names the version as it was published.
func (m *Manifest) Ref() Ref { return Ref{Name: m.Name, Version: m.Version} }

// File finds a file by its path.
func (m *Manifest) File(path string) (File, bool) {
	i, ok := slices.BinarySearchFunc(m.Files, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
	if !ok {
		return File{}, false
	}
	return m.Files[i], true
}

// DigestOf is the SHA-256 of the lines
//
//	<sha256 hex><2 spaces><size><2 spaces><path><newline>
//
// sorted bytewise by path. It identifies a version by its content alone.
func DigestOf(files []File) Digest {
	sorted := slices.Clone(files)
	sortFiles(sorted)
	h := sha256.New()
	for _, f := range sorted {
		fmt.Fprintf(h, "%s  %d  %s\n", f.SHA256.Hex(), f.Size, f.Path)
	}
	return NewDigest([sha256.Size]byte(h.Sum(nil)))
}

func sortFiles(files []File) {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}

// Complete fills in what follows from the files and checks the rest: sorts,
// sets Schema, Digest and, if they are empty, Version and Time. Backends call
// it in Commit with the reference given to Begin.
func (m *Manifest) Complete(ref Ref, now time.Time) error {
	sortFiles(m.Files)
	slices.SortFunc(m.Omitted, func(a, b Omitted) int { return strings.Compare(a.Path, b.Path) })
	m.Schema, m.Digest = Schema, DigestOf(m.Files)
	m.Name, m.Version = ref.Name, ref.Version
	if m.Version == "" {
		m.Version = m.Digest.Version()
	}
	if m.Time.IsZero() {
		m.Time = now
	}
	m.Time = m.Time.UTC().Truncate(time.Microsecond)
	if m.Completeness == "" {
		m.Completeness = Unknown
	}
	// JSON has lists, never null.
	if m.Parents == nil {
		m.Parents = []Digest{}
	}
	if m.Omitted == nil {
		m.Omitted = []Omitted{}
	}
	if m.Files == nil {
		m.Files = []File{}
	}
	return m.check()
}

// Encode gives the JSON of a manifest, ending in a newline.
func (m *Manifest) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", " ")
	return append(b, '\n'), err
}

// DecodeManifest reads what [Manifest.Encode] gave and checks it: paths,
// sizes, digests, and that Digest is that of the files. What does not hold is
// [ErrDamaged]; a schema above [Schema] is [ErrUnsupported].
func DecodeManifest(b []byte) (*Manifest, error) {
	m := new(Manifest)
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%w: something follows the manifest", ErrDamaged)
	}
	if m.Schema > Schema {
		return nil, fmt.Errorf("%w: %d, and this program knows %d", ErrUnsupported, m.Schema, Schema)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, nil
}

// check tells what is wrong with a manifest.
func (m *Manifest) check() error {
	if m.Schema < 1 {
		return fmt.Errorf("schema is %d", m.Schema)
	}
	if err := m.Ref().Check(); err != nil {
		return err
	}
	if m.Version == "" {
		return errors.New("there is no version")
	}
	if len(m.Files) > MaxFiles {
		return fmt.Errorf("%d files are more than %d", len(m.Files), MaxFiles)
	}
	for i, f := range m.Files {
		if err := f.check(); err != nil {
			return err
		}
		if i > 0 && m.Files[i-1].Path >= f.Path {
			return fmt.Errorf("%q and %q are not in order", m.Files[i-1].Path, f.Path)
		}
	}
	for _, p := range m.Parents {
		if err := p.check(); err != nil {
			return fmt.Errorf("parent: %w", err)
		}
	}
	if d := DigestOf(m.Files); d != m.Digest {
		return fmt.Errorf("the digest of the files is %s, not %s", d, m.Digest)
	}
	return nil
}

func (f File) check() error {
	if err := CheckPath(f.Path); err != nil {
		return err
	}
	if f.Size < 0 {
		return fmt.Errorf("%q: the size is %d", f.Path, f.Size)
	}
	if err := f.SHA256.check(); err != nil {
		return fmt.Errorf("%q: %w", f.Path, err)
	}
	if want := blocksIn(f.Size); int64(len(f.Blocks)) != want*sha256.Size {
		return fmt.Errorf("%q: %d bytes of block digests for %d blocks", f.Path, len(f.Blocks), want)
	}
	return nil
}

// blocksIn is the number of blocks of a file.
func blocksIn(size int64) int64 {
	n := size / BlockSize
	if size%BlockSize != 0 {
		n++
	}
	return n
}
