package verify

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/internal/arch"
)

// Bounds of what trained weights look like.
const (
	mostLopsided = 0.2  // of the weights, by which one sign outweighs the other
	longestRun   = 256  // equal packed bytes, which are 1,024 weights; chance makes a few
	farScale     = 16.0 // times the usual scale of tensors of one kind
	farGain      = 100.0
)

// checkSigns finds ternary tensors with many more weights of one sign: weights
// of a code other than the one they were packed with.
func checkSigns(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for _, v := range s.survey(ctx) {
		if !v.whole || !v.codec.Ternary() && !s.ternary(v.tensor.Name) || blurred(&v.codec) || v.same || len(trimDims(v.tensor)) < 2 {
			continue
		}
		n := v.weights()
		positive := n - v.zeros - v.negative
		if d := float64(positive-v.negative) / float64(n); math.Abs(d) > mostLopsided {
			fs = append(fs, finding(Warning, "%.0f %% of the weights are positive and %.0f %% negative; trained ones are balanced",
				100*float64(positive)/float64(n), 100*float64(v.negative)/float64(n)).of(v.tensor.Name))
		}
	}
	return fs
}

// checkRuns finds holes in files: pages that were never written or went lost.
func checkRuns(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for _, v := range s.survey(ctx) {
		if v.whole && !v.same && v.run.bytes >= longestRun {
			fs = append(fs, finding(Error, "%d bytes in a row are 0x%02x, as after a page was lost", v.run.bytes, v.run.value).
				of(v.tensor.Name).at(s.offset(v.tensor, v.run.offset)).weight(v.run.offset*4))
		}
	}
	return fs
}

// checkPruned finds a matrix that is zero while those it works with are not.
// Training that lets a whole part of a layer die lets all its matrices die.
func checkPruned(ctx context.Context, s *Subject) []Finding {
	if s.params == nil {
		return nil
	}
	zero := map[string]bool{}
	for _, v := range s.survey(ctx) {
		zero[v.tensor.Name] = v.whole && v.zeros == v.weights()
	}
	var fs []Finding
	for l := range s.params.Blocks {
		for _, part := range [][]string{{arch.AttnQ, arch.AttnK}, {arch.AttnV, arch.AttnOutput}, {arch.FFNGate, arch.FFNUp, arch.FFNDown}} {
			var dead, alive []string
			for _, kind := range part {
				name := arch.Block(l, kind)
				if zero[name] {
					dead = append(dead, name)
				} else {
					alive = append(alive, name)
				}
			}
			for _, name := range dead {
				if len(alive) > 0 {
					fs = append(fs, finding(Error, "every weight is zero, while %s, which works with it, has weights", alive[0]).of(name))
				}
			}
		}
	}
	return fs
}

// checkCopies finds matrices that hold the same weights.
func checkCopies(ctx context.Context, s *Subject) []Finding {
	type content struct {
		sum  uint64
		size int64
	}
	first := map[content]string{}
	var fs []Finding
	for _, v := range s.survey(ctx) {
		if !v.whole || v.same || len(trimDims(v.tensor)) < 2 {
			continue
		}
		key := content{v.sum, v.tensor.Size}
		switch other, seen := first[key]; {
		case !seen:
			first[key] = v.tensor.Name
		case s.is(v.tensor.Name, arch.Output) || s.is(other, arch.Output):
			fs = append(fs, finding(Warning, "is a copy of %s; without it programs use that, and the file is %d bytes smaller", other, v.tensor.Size).of(v.tensor.Name))
		default:
			fs = append(fs, finding(Error, "holds the same weights as %s", other).of(v.tensor.Name))
		}
	}
	return fs
}

// checkOutliers compares the size of tensors of one kind over the layers: the
// scales of ternary ones, the gains of norms.
func checkOutliers(ctx context.Context, s *Subject) []Finding {
	if s.params == nil {
		return nil
	}
	kinds := map[string][]float64{}
	size := func(v *survey) float64 {
		if v.codec.Trailer > 0 {
			return float64(v.high)
		}
		return math.Sqrt(v.squares / float64(max(v.weights()-v.zeros, 1)))
	}
	found := s.survey(ctx)
	for i := range found {
		v := &found[i]
		if _, kind, ok := inLayer(v.tensor.Name); ok && v.sized() && size(v) > 0 {
			kinds[kind] = append(kinds[kind], size(v))
		}
	}
	var fs []Finding
	for i := range found {
		v := &found[i]
		_, kind, ok := inLayer(v.tensor.Name)
		if !ok || !v.sized() || size(v) <= 0 || len(kinds[kind]) < 3 {
			continue
		}
		bound, what := farScale, "scale"
		if s.is(v.tensor.Name, arch.Norm) {
			bound, what = farGain, "mean gain"
		}
		usual := middle(kinds[kind])
		if r := size(v) / usual; r > bound || r < 1/bound {
			fs = append(fs, finding(Warning, "%s is %.3g, in the other layers it is about %.3g", what, size(v), usual).of(v.tensor.Name))
		}
	}
	return fs
}

// sized reports whether weights of the tensor have a size: if all are zero the
// scale, which a clamped mean may have left, means nothing.
func (v *survey) sized() bool { return v.whole && v.scaleErr == nil && v.zeros < v.weights() }

// checkAlike finds scales that were lost: every ternary matrix has the same one.
// Each is the mean magnitude of weights that were trained apart.
func checkAlike(ctx context.Context, s *Subject) []Finding {
	const few = 8 // matrices, below which it might be chance in a made-up model
	scale, n := float32(0), 0
	for _, v := range s.survey(ctx) {
		if strings.HasSuffix(v.tensor.Name, ".scale") {
			return nil // they are in tensors of their own
		}
		if !v.whole || !s.ternary(v.tensor.Name) || v.zeros == v.weights() {
			continue
		}
		own := v.magnitude
		if v.codec.Trailer > 0 {
			own = v.high
		}
		if v.scaleErr != nil || v.mixed || n > 0 && own != scale {
			return nil
		}
		scale = own
		n++
	}
	if n < few {
		return nil
	}
	return []Finding{finding(Error, "the scale of all %d ternary matrices is %v; trained ones differ: the scales were lost", n, scale)}
}

// middle gives the lower of the middle values.
func middle(x []float64) float64 {
	y := slices.Sorted(slices.Values(x))
	return y[(len(y)-1)/2]
}

// checkGains finds norms whose gains were lost: all 1 in every layer of one
// kind, while norms of other kinds have learnt something.
func checkGains(ctx context.Context, s *Subject) []Finding {
	flat, learnt := map[string]string{}, map[string]bool{}
	for _, v := range s.survey(ctx) {
		_, kind, ok := inLayer(v.tensor.Name)
		if !ok || !s.is(v.tensor.Name, arch.Norm) || !v.whole {
			continue
		}
		if v.same && v.first == 1 {
			flat[v.tensor.Name] = kind
		} else {
			learnt[kind] = true
		}
	}
	if len(learnt) == 0 {
		return nil // a model that was not trained
	}
	var fs []Finding
	for _, v := range s.survey(ctx) {
		if _, ok := flat[v.tensor.Name]; ok {
			fs = append(fs, finding(Warning, "every gain is 1, while other norms have learnt gains: were they dropped?").of(v.tensor.Name))
		}
	}
	return fs
}
