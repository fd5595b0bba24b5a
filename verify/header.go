package verify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
)

// checkStructure parses the header, which every other check needs.
func checkStructure(_ context.Context, s *Subject) []Finding {
	st, err := s.disk.Stat()
	if err != nil {
		s.unable(err)
		return nil
	}
	f, err := gguf.NewFile(s.disk, st.Size())
	if err == nil && f.Parts() > 1 {
		f, err = gguf.OpenModel(s.path)
	}
	switch {
	case errors.Is(err, gguf.ErrFormat), errors.Is(err, gguf.ErrParts):
		return []Finding{finding(Error, "%v", err)}
	case err != nil:
		s.unable(err)
		return nil
	case f.ByteOrder != binary.LittleEndian:
		s.unable(fmt.Errorf("%w: big-endian file", arch.ErrUnsupported))
		return nil
	}
	s.file = f
	return nil
}

// checkArchitecture reads the hyper-parameters.
func checkArchitecture(_ context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	p, err := arch.FromMeta(&s.file.Meta)
	if errors.Is(err, arch.ErrParams) {
		return []Finding{finding(Error, "%v", err)}
	}
	if err != nil {
		s.unable(err)
		return nil
	}
	_, untied := s.file.Tensor(arch.OutputHead)
	p.Tied = !untied
	s.params = p
	var fs []Finding
	for _, n := range p.Notices {
		fs = append(fs, finding(Info, "%s", n))
	}
	return fs
}
