package verify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/quant"
)

// fault is what happened to a tensor, as far as the difference tells.
type fault uint8

const (
	sound fault = iota
	zeroed
	swapped
	rescaled
	altered
	rounded // as by a producer that computes in BF16
)

// tensorFault is a difference with its explanation.
type tensorFault struct {
	*tensorDiff
	fault  fault
	factor float64 // have/want, of a rescaled tensor
	other  string  // whose weights a swapped tensor holds
}

// faults explains the differences of all tensors.
func (s *Subject) faults(ctx context.Context) []tensorFault {
	diffs := s.compare(ctx)
	if s.explained != nil || len(diffs) == 0 {
		return s.explained
	}
	owner := map[[sha256.Size]byte]string{}
	for _, d := range diffs {
		owner[d.wantSum] = d.tensor.Name
	}
	zeros := map[string]bool{}
	for _, v := range s.surveys {
		zeros[v.tensor.Name] = v.whole && v.zeros == v.weights()
	}
	var out []tensorFault
	for i := range diffs {
		f := tensorFault{tensorDiff: &diffs[i]}
		f.explain(owner, zeros[f.tensor.Name])
		if f.fault == altered {
			ok, err := s.roundedProducer(ctx, f.tensorDiff)
			s.unable(err)
			if ok {
				f.fault = rounded
			}
		}
		if f.fault != sound {
			out = append(out, f)
		}
	}
	s.explained = append([]tensorFault{}, out...)
	return s.explained
}

func (f *tensorFault) explain(owner map[[sha256.Size]byte]string, allZero bool) {
	if f.differ == 0 {
		if f.trailed() && f.haveScale != f.wantScale && !f.oneStep() {
			f.fault, f.factor = rescaled, float64(f.haveScale)/float64(f.wantScale)
		}
		return
	}
	f.other = owner[f.haveSum]
	r := f.changed
	switch {
	case f.zero || allZero:
		f.fault = zeroed
	case f.other != "":
		f.fault = swapped
	case !r.rest && !r.zeros && !f.code3 && r.low > 0 && r.uniform():
		f.fault, f.factor = rescaled, r.low
		if f.nextStep() {
			f.fault = sound
		}
	default:
		f.fault = altered
	}
}

// trailed reports whether the tensor's scale is stored after its weights.
func (d *tensorDiff) trailed() bool {
	c, _ := quant.Lookup(d.tensor.Type)
	return c.Trailer > 0
}

// scaleAt gives the offset of that scale in the tensor.
func (d *tensorDiff) scaleAt() int64 {
	c, _ := quant.Lookup(d.tensor.Type)
	return d.tensor.Size - int64(c.Trailer)
}

// oneStep reports whether two scales are neighbours among float32 numbers. For
// a mean a some converters write a and some 1/(1/a); the two may differ by that.
func (d *tensorDiff) oneStep() bool {
	return d.haveScale > 0 && d.wantScale > 0 &&
		(math.Nextafter32(d.wantScale, 0) == d.haveScale || math.Nextafter32(d.haveScale, 0) == d.wantScale)
}

// nextStep is oneStep for formats that round the scale: it reports whether the
// weights are those that a neighbour of the right scale would give.
func (d *tensorDiff) nextStep() bool {
	m := d.scale
	if m == 0 {
		return false
	}
	c, _ := quant.Lookup(d.tensor.Type)
	block, bytes := make([]float32, c.BlockLen), make([]byte, c.BlockBytes)
	for _, near := range []float32{math.Nextafter32(m, 0), math.Nextafter32(m, math.MaxFloat32)} {
		for i := range block {
			block[i] = near
		}
		if c.Encode(bytes, block, quant.Scale(near)) == nil && c.Decode(block, bytes, 1) == nil &&
			block[0] == float32(math.Abs(float64(d.first.value))) {
			return true
		}
	}
	return false
}

// uniform reports whether all ratios are the same, up to rounding to few bits.
func (r ratios) uniform() bool { return r.high-r.low <= 0.01*math.Abs(r.high) }

// faulty makes findings of the faults of one kind.
func (s *Subject) faulty(ctx context.Context, k fault, say func(tensorFault) Finding) []Finding {
	var fs []Finding
	for _, f := range s.faults(ctx) {
		if f.fault == k {
			fs = append(fs, say(f).of(f.tensor.Name))
		}
	}
	return fs
}

func checkZeroed(ctx context.Context, s *Subject) []Finding {
	return s.faulty(ctx, zeroed, func(f tensorFault) Finding {
		if f.zero {
			return finding(Error, "its bytes are all zero; the checkpoint's weights are not").at(s.offset(f.tensor, 0))
		}
		return finding(Error, "every weight is zero; the checkpoint's are not").at(s.offset(f.tensor, f.first.offset))
	})
}

func checkSwapped(ctx context.Context, s *Subject) []Finding {
	return s.faulty(ctx, swapped, func(f tensorFault) Finding {
		return finding(Error, "holds the weights of %s", f.other).at(s.offset(f.tensor, f.first.offset))
	})
}

func checkOwnScales(ctx context.Context, s *Subject) []Finding {
	return s.faulty(ctx, rescaled, func(f tensorFault) Finding {
		severity, hint := Error, ""
		if s.otherSource() && math.Abs(f.factor-1) <= bf16Rounding {
			severity, hint = Info, ": as between master weights and packed ones, whose scales are rounded to BF16"
		}
		if f.differ > 0 {
			return finding(severity, "scaled by %s%s", factor(f.factor), hint).at(s.offset(f.tensor, f.first.offset))
		}
		return finding(severity, "scale is %v, should be %v: scaled by %s%s", f.haveScale, f.wantScale, factor(f.factor), hint).
			at(s.offset(f.tensor, f.scaleAt()))
	})
}

// bf16Rounding is how far rounding to BF16 can move a scale, or its inverse:
// half a step of its 8 bits.
const bf16Rounding = 1.0 / 256

// factor spells a ratio so that a small one does not look like 1.
func factor(r float64) string {
	if math.Abs(r-1) < 0.0005 {
		return fmt.Sprintf("%.8f", r)
	}
	return fmt.Sprintf("%.3f", r)
}

// otherSource reports whether the file may have been made from the other form
// of the model: from packed weights if the checkpoint has masters, or the
// reverse.
func (s *Subject) otherSource() bool {
	planned, _ := gguf.Get[string](s.plan.Meta, scaleModeKey)
	stamped := s.text(scaleModeKey)
	masters := string(convert.Masters)
	return planned != "" && (stamped == "" || (stamped == masters) != (planned == masters))
}

func checkWeights(ctx context.Context, s *Subject) []Finding {
	fs := s.faulty(ctx, rounded, func(f tensorFault) Finding {
		return finding(Info, "%d of %d trits differ, all of weights within 2 %% of half the mean: its producer computed in BF16",
			f.differ, f.tensor.Elements()).at(s.offset(f.tensor, f.first.offset))
	})
	return append(fs, s.faulty(ctx, altered, func(f tensorFault) Finding {
		var b strings.Builder
		what := "weights"
		if f.trailed() {
			what = "trits"
		}
		fmt.Fprintf(&b, "%d of %d %s differ", f.differ, f.tensor.Elements(), what)
		if f.differ == 1 {
			fmt.Fprintf(&b, "s, at %s", rowCol(f.first.element, f.tensor.Cols()))
		} else {
			fmt.Fprintf(&b, ", the first at %s", rowCol(f.first.element, f.tensor.Cols()))
		}
		if f.code3 {
			b.WriteString(": code 3")
		} else {
			fmt.Fprintf(&b, ": %v, should be %v", f.first.value, f.want)
		}
		switch r := f.changed; {
		case f.differ == 1 || r.zeros || !r.uniform():
		case r.low == -1 && r.high == -1:
			b.WriteString("; all of these are negated")
		case r.low > 0:
			fmt.Fprintf(&b, "; all of these are scaled by %s", factor(r.low))
		}
		if f.trailed() && f.haveScale != f.wantScale && !f.oneStep() {
			fmt.Fprintf(&b, "; scale is %v, should be %v", f.haveScale, f.wantScale)
		}
		return finding(Error, "%s", b.String()).at(s.offset(f.tensor, f.first.offset)).weight(f.first.element)
	})...)
}
