package convert

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

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

	set      *safetensors.Set
	matrices []matrix // in the order of Params.Tensors
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
	s.Warnings = append(s.set.Warnings(), s.Vocab.Warnings...)
	s.Repo, s.Commit = origin(dir)
	if err := s.match(); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return s, nil
}

// Close closes the weights.
func (s *Source) Close() error { return s.set.Close() }

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
	s.Params, err = s.Config.Params()
	return err
}

// match pairs the tensors of the checkpoint with those of the architecture.
func (s *Source) match() error {
	left := map[string]safetensors.Tensor{}
	for _, t := range s.set.Tensors() {
		if !strings.HasSuffix(t.Name, ".rotary_emb.inv_freq") { // computed from rope_theta
			left[t.Name] = t
		}
	}
	if _, ok := left["lm_head.weight"]; ok && s.Params.Tied {
		s.Warnings = append(s.Warnings, "lm_head.weight is left out: config.json ties it to the embedding")
		delete(left, "lm_head.weight")
	}
	for _, spec := range s.Params.Tensors() {
		t, ok := left[spec.HF]
		if !ok {
			return fmt.Errorf("%w: tensor %q is missing", ErrTensors, spec.HF)
		}
		delete(left, spec.HF)
		m := matrix{spec: spec, weight: t}
		if scale, ok := left[spec.HF+"_scale"]; ok && spec.Role == arch.Projection {
			m.scale = scale
			delete(left, scale.Name)
		}
		if err := m.check(); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		s.matrices = append(s.matrices, m)
	}
	for _, t := range s.set.Tensors() {
		if _, ok := left[t.Name]; ok {
			return fmt.Errorf("%w: tensor %q has no place in a %s model", ErrTensors, t.Name, s.Params.Name)
		}
	}
	return s.checkPacking()
}

// checkPacking demands that projections are packed all or not at all.
func (s *Source) checkPacking() error {
	var packed, dense string
	for _, m := range s.matrices {
		switch {
		case m.spec.Role != arch.Projection:
		case m.packed():
			packed = m.weight.Name
		default:
			dense = m.weight.Name
		}
	}
	if packed != "" && dense != "" {
		return fmt.Errorf("%w: %q is packed and %q is not", ErrTensors, packed, dense)
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
