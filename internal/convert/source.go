package convert

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/internal/token"
)

// Source is an open checkpoint: configuration, vocabulary and weights.
type Source struct {
	Config *arch.Config
	Params *arch.Params
	Vocab  *token.Vocab

	// Repo and Commit say where the checkpoint came from if its folder is a
	// snapshot in a Hugging Face cache; else empty.
	Repo, Commit string

	// Warnings tell what was left out.
	Warnings []string

	set      *safetensors.Set // nil for a GGUF file
	model    *gguf.File       // nil for a checkpoint
	matrices []matrix         // in the order of Params.Tensors
	surveys  surveys
}

// Open opens the checkpoint in a folder and checks that its tensors are
// exactly those its config.json asks for. Only headers are read.
func Open(dir string) (*Source, error) {
	st, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return nil, fmt.Errorf("%w: %s is a file; a source is a folder with config.json and model.safetensors", ErrUnsupported, dir)
	}
	fsys := os.DirFS(dir)
	s := &Source{}
	if err := s.readConfig(fsys); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if s.Vocab, err = token.FromHF(fsys); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := s.Vocab.Pad(s.Params.Vocab); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if s.set, err = safetensors.OpenSet(dir); err != nil {
		return nil, err
	}
	s.Warnings = slices.Concat(s.Warnings, s.set.Warnings(), s.Vocab.Warnings)
	s.Repo, s.Commit = origin(dir)
	if err := s.match(); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return s, nil
}

// Close closes the weights.
func (s *Source) Close() error {
	if s.model != nil {
		return s.model.Close()
	}
	return s.set.Close()
}

// checkUnchanged makes sure that nobody wrote to the weights meanwhile.
func (s *Source) checkUnchanged() error {
	if s.model != nil {
		return s.model.CheckUnchanged()
	}
	return s.set.CheckUnchanged()
}

func (s *Source) readConfig(fsys fs.FS) error {
	st, err := fs.Stat(fsys, "config.json")
	if err != nil {
		return err
	}
	if st.Size() > 1<<20 || !st.Mode().IsRegular() {
		return fmt.Errorf("%w: config.json is no file of at most 1 MiB", ErrUnsupported)
	}
	data, err := fs.ReadFile(fsys, "config.json")
	if err != nil {
		return err
	}
	if s.Config, err = arch.ParseConfig(data); err != nil {
		return err
	}
	s.Warnings = append(s.Warnings, s.Config.Warnings...)
	if s.Params, err = s.Config.Params(); err != nil {
		return err
	}
	if s.Params.InNorms {
		return s.readPooling(fsys)
	}
	return nil
}

func (s *Source) packed() bool {
	for _, m := range s.matrices {
		if m.packed() {
			return true
		}
	}
	return false
}

var snapshotPath = regexp.MustCompile(`(?:^|/)models--([^/]+)--([^/]+)/snapshots/([0-9a-f]{40})$`)

// origin reads repository and commit off a path in a Hugging Face cache.
func origin(dir string) (repo, commit string) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", ""
	}
	m := snapshotPath.FindStringSubmatch(filepath.ToSlash(abs))
	if m == nil {
		return "", ""
	}
	return m[1] + "/" + m[2], m[3]
}
