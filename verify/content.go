package verify

import (
	"context"
	"fmt"

	"github.com/akadata/bitnet-tool/internal/arch"
)

// Bounds of what is usual. BitNet-b1.58-2B-4T has scales of 0.5 to 3, Llama-like
// ternary models of 0.007 to 0.03; a scale above 8 is more likely the inverse of
// one. Training with mean magnitudes leaves 0.3 to 0.6 of the weights zero.
const (
	leastScale = 1e-6 // a mean is clamped to 1e-5 before it becomes a scale
	mostScale  = 8
	fewZeros   = 0.3
	manyZeros  = 0.6
	nearlyAll  = 0.95
)

func checkCodes(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for _, v := range s.survey(ctx) {
		if p := v.badCode; p != nil {
			fs = append(fs, finding(Error, "code 3 at %s, which stands for no weight", v.where(p.element)).
				of(v.tensor.Name).at(s.offset(v.tensor, p.offset)).weight(p.element))
		}
	}
	return fs
}

func checkFinite(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for _, v := range s.survey(ctx) {
		if p := v.notFinite; p != nil {
			fs = append(fs, finding(Error, "%v at %s", p.value, v.where(p.element)).
				of(v.tensor.Name).at(s.offset(v.tensor, p.offset)).weight(p.element))
		}
	}
	return fs
}

func checkScales(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for _, v := range s.survey(ctx) {
		f, ok := s.judgeScale(&v)
		if !ok {
			continue
		}
		if v.codec.Trailer > 0 {
			f = f.at(s.offset(v.tensor, v.tensor.Size-int64(v.codec.Trailer)))
		}
		fs = append(fs, f.of(v.tensor.Name))
	}
	return fs
}

// judgeScale says what is wrong with the scale of a ternary tensor.
func (s *Subject) judgeScale(v *survey) (f Finding, wrong bool) {
	if !v.whole {
		return f, false
	}
	low, high := v.low, v.high
	if !v.codec.Ternary() {
		if !s.ternary(v.tensor.Name) || v.mixed || v.magnitude == 0 {
			return f, false
		}
		low, high = v.magnitude, v.magnitude
	}
	switch {
	case v.scaleErr != nil:
		return finding(Error, "%v", v.scaleErr), true
	case low > high || v.codec.Trailer > 0 && v.zeros == v.weights():
		return f, false // no weight has a scale: checkZeros's business
	case high == 0:
		return finding(Error, "scale is 0, which erases the tensor"), true
	case low < 0:
		return finding(Error, "scale is %v, must be positive", low), true
	case low == 0:
		return finding(Error, "scale of some blocks is 0, which erases weights that are not zero"), true
	case low != high && s.ternary(v.tensor.Name):
		return finding(Warning, "scales of blocks are %v to %v; a ternary model has one a tensor", low, high), true
	case high > mostScale:
		return finding(Warning, "scale is %v; usual are those below %v, so it may be the inverse of the right one", high, mostScale), true
	case low < leastScale:
		return finding(Warning, "scale is %v; usual are those above %v", low, leastScale), true
	}
	return f, false
}

func checkZeros(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for _, v := range s.survey(ctx) {
		if !v.whole {
			continue
		}
		share := float64(v.zeros) / float64(v.weights())
		ternary := v.codec.Ternary() || s.ternary(v.tensor.Name)
		var f Finding
		switch {
		case share == 1 && s.vital(v.tensor.Name):
			f = finding(Error, "every weight is zero, so no logit can be right")
		case share == 1:
			f = finding(Warning, "every weight is zero; compare with the checkpoint to see whether it is so by right")
		case share > nearlyAll && len(trimDims(v.tensor)) > 1:
			f = finding(Warning, "%.1f %% of the weights are zero", 100*share)
		case ternary && !blurred(&v.codec) && (share < fewZeros || share > manyZeros):
			f = finding(Info, "%.1f %% of the weights are zero; usual are %.0f to %.0f", 100*share, 100*fewZeros, 100*manyZeros)
		default:
			continue
		}
		fs = append(fs, f.of(v.tensor.Name))
	}
	return fs
}

// vital reports whether all logits go through the tensor.
func (s *Subject) vital(tensor string) bool {
	return tensor == arch.OutputNorm || s.is(tensor, arch.Embedding) || s.is(tensor, arch.Output)
}

func checkConstant(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for _, v := range s.survey(ctx) {
		if !v.whole || !v.same || v.first == 0 || v.weights() < 2 {
			continue
		}
		value := fmt.Sprint(v.first)
		if v.codec.Trailer > 0 {
			value += " times the scale"
		}
		if len(trimDims(v.tensor)) > 1 {
			fs = append(fs, finding(Error, "every weight is %s", value).of(v.tensor.Name))
		} else {
			fs = append(fs, finding(Info, "every weight is %s", value).of(v.tensor.Name))
		}
	}
	return fs
}

// checkTernary finds the masters of a ternary model that were stored as they
// are: the model does not compute with them, so they give a broken one.
func checkTernary(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for _, v := range s.survey(ctx) {
		if v.whole && v.masters() && !v.codec.Ternary() && s.ternary(v.tensor.Name) {
			fs = append(fs, finding(Error, "has weights of more than one magnitude, but the model is ternary: master weights that were not ternarized?").of(v.tensor.Name))
		}
	}
	return fs
}

// where says which row and column a weight is in.
func (v *survey) where(element int64) string { return rowCol(element, v.tensor.Cols()) }

func rowCol(element, cols int64) string {
	return fmt.Sprintf("row %d, column %d", element/cols, element%cols)
}
