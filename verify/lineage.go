package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/quant"
)

// Keys by which this program's converter says how it made a file.
const (
	scaleModeKey = "bitnet_tool.scale_mode"
	recipeKey    = "bitnet_tool.recipe"
)

// planned gives the conversion of the checkpoint into what the file says it is,
// nil if there is no such conversion.
func (s *Subject) planned(ctx context.Context) *convert.Plan {
	if s.plan == nil && s.file != nil && s.err == nil {
		var err error
		s.plan, err = s.newPlan(ctx)
		s.unable(err)
	}
	return s.plan
}

// newPlan plans the conversion with the types of the file.
func (s *Subject) newPlan(ctx context.Context) (*convert.Plan, error) {
	o := convert.Options{
		Type:         s.mostly(),
		TypeOf:       s.encodable,
		ForceTernary: slices.Contains(strings.Fields(s.text(recipeKey)), "--force-ternary"),
	}
	if !slices.Contains(convert.Types(), o.Type) {
		return nil, fmt.Errorf("%w: weights of type %s cannot be derived from a checkpoint", arch.ErrUnsupported, o.Type)
	}
	plan, err := s.source.Plan(ctx, o)
	if errors.Is(err, convert.ErrScaleMode) {
		// The checkpoint contradicts itself; whoever made the file decided.
		if o.ScaleMode = convert.ScaleMode(s.text(scaleModeKey)); o.ScaleMode != "" {
			plan, err = s.source.Plan(ctx, o)
		}
	}
	if errors.Is(err, convert.ErrNotTernary) {
		o.ForceTernary = true
		plan, err = s.source.Plan(ctx, o)
	}
	return plan, err
}

// encodable gives the type of a tensor of the file if it can be written.
func (s *Subject) encodable(name string) quant.Type {
	t, ok := s.file.Tensor(name)
	if c, _ := quant.Lookup(t.Type); !ok || c.Encode == nil {
		return quant.Invalid
	}
	return t.Type
}

// compare compares the tensors that both sides have in one shape and type.
func (s *Subject) compare(ctx context.Context) []tensorDiff {
	if plan := s.planned(ctx); plan != nil && s.diffs == nil && s.err == nil {
		s.unable(s.compareWith(ctx, plan))
	}
	return s.diffs
}

func (s *Subject) compareWith(ctx context.Context, plan *convert.Plan) error {
	found := make([]tensorDiff, 0, len(plan.Tensors))
	var index []int // of found in plan
	var unread []string
	for i, want := range plan.Tensors {
		have, ok := s.file.Tensor(want.Name)
		if !ok || !slices.Equal(trimDims(have), want.Dims) {
			continue // checkList's and the header's business
		}
		if have.Type != want.Type {
			unread = append(unread, fmt.Sprintf("tensor %q is %s", have.Name, have.TypeName()))
			continue
		}
		index = append(index, i)
		found = append(found, tensorDiff{tensor: have})
		s.covered += have.Size
	}
	task := s.task(Lineage, s.covered)
	err := par.For(s.threads(), len(found), 1, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			d := &found[i]
			c := newComparer(s.file, d)
			e, err := plan.Encode(ctx, index[i], c)
			if err == nil {
				d.scale = float32(e.Scale)
				err = c.finish()
			}
			if err != nil {
				return err
			}
			task.Add(d.tensor.Size)
		}
		return nil
	})
	task.Done(err)
	if err != nil {
		return err
	}
	s.diffs = found
	if len(unread) > 0 {
		return fmt.Errorf("%w: %s, which cannot be compared (%d tensors of such types)", arch.ErrUnsupported, unread[0], len(unread))
	}
	return nil
}

// checkList compares the lists of tensors.
func checkList(ctx context.Context, s *Subject) []Finding {
	plan := s.planned(ctx)
	if plan == nil {
		return nil
	}
	var fs []Finding
	wanted := map[string]bool{}
	for _, want := range plan.Tensors {
		wanted[want.Name] = true
		switch have, ok := s.file.Tensor(want.Name); {
		case !ok:
			fs = append(fs, finding(Error, "is missing; the checkpoint has it").of(want.Name))
		case !slices.Equal(trimDims(have), want.Dims):
			fs = append(fs, finding(Error, "has dimensions %v, the checkpoint means %v", have.Dims, want.Dims).of(want.Name))
		}
	}
	for _, have := range s.file.Tensors {
		if wanted[have.Name] {
			continue
		}
		if have.Name == arch.OutputHead && s.source.Params.Tied {
			fs = append(fs, s.judgeSecondHead(have))
			continue
		}
		fs = append(fs, finding(Error, "is not in the checkpoint").of(have.Name))
	}
	return fs
}

// judgeSecondHead judges an output matrix of a model whose checkpoint ties it
// to the embedding, as the first release of BitNet-b1.58-2B-4T has one
// (ikawrakow/ik_llama.cpp pull request 338).
func (s *Subject) judgeSecondHead(head gguf.Tensor) Finding {
	embedding, ok := s.file.Tensor(arch.TokenEmbd)
	if ok && embedding.Type == head.Type {
		same, err := sameBytes(s.file.Section(embedding), s.file.Section(head))
		s.unable(err)
		if same {
			return finding(Warning, "is a copy of %s, which the model ties; leave it out", arch.TokenEmbd).of(head.Name)
		}
	}
	return finding(Error, "differs from %s, to which the checkpoint ties it", arch.TokenEmbd).of(head.Name)
}
