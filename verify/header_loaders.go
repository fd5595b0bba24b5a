package verify

import (
	"context"
	"strings"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/quant"
)

// checkCoarse finds ternary weights in a type that cannot hold them: of a block
// with both signs Q4_0 and Q5_0 make one of them 7/8 or 15/16 of the scale, and
// Q4_1 and Q5_1 do not keep zero.
func checkCoarse(_ context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	var fs []Finding
	for _, t := range s.file.Tensors {
		switch t.Type {
		case quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.Q2_K, quant.Q3_K:
			if s.ternary(t.Name) {
				fs = append(fs, finding(Warning, "is %s, which changes ternary weights; I2_S, TQ2_0 and Q8_0 keep them", t.Type).of(t.Name))
			}
		}
	}
	return fs
}

// checkLoaders tells which programs cannot load the file, and why.
func checkLoaders(_ context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	var fs []Finding
	for _, v := range convert.Verdicts(&s.file.Meta, s.file.Tensors) {
		if len(v.Refusals) > 0 && !v.Unknown {
			fs = append(fs, finding(Info, "%s does not load it: %s", v.Program, strings.Join(v.Refusals, "; ")))
		}
	}
	return fs
}
