package convert

import (
	"context"
	"fmt"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/quant"
)

// Plan is a conversion that is decided in every detail but not done.
type Plan struct {
	Meta    *gguf.Meta
	Tensors []gguf.TensorInfo

	// Layout is the whole file but for the source digest in its header, which
	// is known when all tensors have been read.
	Layout *gguf.Layout

	// Warnings tell what is allowed and yet a bad idea.
	Warnings []string

	src  *Source
	opts Options
	mode ScaleMode // "" for a model that is not ternary
}

// digestKey identifies the source: SHA-256 over the sorted lines
// "name dtype [shape] sha256" of its tensors, so that a checkpoint has the
// same digest in one file and in shards.
const digestKey = "bitnet_tool.source.digest"

// Plan decides types, sizes and metadata. It reads weights only to find out
// whether a model that does not say so is ternary.
func (s *Source) Plan(ctx context.Context, o Options) (*Plan, error) {
	if err := o.check(s); err != nil {
		return nil, err
	}
	p := &Plan{src: s, opts: o}
	ternary, err := p.decideTernary(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkRequantized(ctx, ternary, o.ForceTernary); err != nil {
		return nil, err
	}
	if ternary {
		if err := s.checkKept(); err != nil {
			return nil, err
		}
		if p.mode, err = s.scaleMode(o.ScaleMode); err != nil {
			return nil, err
		}
	}
	p.Warnings = o.warn(ternary)
	for _, m := range s.matrices {
		t := o.typeOf(s.Params, m.spec)
		c, _ := quant.Lookup(t)
		if c.Encode == nil {
			return nil, fmt.Errorf("%w: tensor %q: type %s cannot be written", ErrUnsupported, m.spec.Name, t)
		}
		if _, err := c.Size(int64(m.spec.Rows), int64(m.spec.Cols)); err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrUnsupported, m.spec.Name, err)
		}
		p.Tensors = append(p.Tensors, gguf.TensorInfo{Name: m.spec.Name, Dims: m.spec.Dims(), Type: t})
	}
	p.Warnings = append(p.Warnings, p.warnRequantized()...)
	p.Meta = p.meta()
	if o.Target != "" {
		if err := o.Target.Retarget(p.Meta); err != nil {
			return nil, err
		}
	}
	if p.Layout, err = gguf.NewLayout(p.Meta, p.Tensors); err != nil {
		return nil, err
	}
	if o.Target != "" {
		w, err := o.Target.Check(p.Meta, p.Layout.Tensors)
		if err != nil {
			return nil, err
		}
		p.Warnings = append(p.Warnings, w...)
	}
	return p, nil
}

// decideTernary tells whether projections are ternarized: because the
// configuration says so, because they are ternary already, or because the
// caller insists.
func (p *Plan) decideTernary(ctx context.Context) (bool, error) {
	s := p.src
	if s.Config.Ternary() || p.opts.ForceTernary {
		return true, nil
	}
	ternary, err := s.exactlyTernary(ctx)
	if err != nil || ternary {
		return ternary, err
	}
	if c, _ := quant.Lookup(p.opts.Type); c.Ternary() {
		res, err := s.residuals(ctx)
		if err != nil {
			return false, err
		}
		return false, &NotTernaryError{Residuals: res}
	}
	return false, nil
}

// meta composes the metadata in its fixed order.
func (p *Plan) meta() *gguf.Meta {
	if p.src.model != nil {
		return p.requantizedMeta()
	}
	s, m := p.src, &gguf.Meta{}
	params := *s.Params
	params.Ternary = p.mode != ""
	m.Set("general.architecture", params.Name)
	m.Set("general.type", "model")
	if s.Repo != "" {
		m.Set("general.name", s.Repo)
		m.Set("general.source.repo_url", "https://huggingface.co/"+s.Repo)
	}
	params.SetMeta(m)
	m.Set("general.file_type", p.fileType())
	s.Vocab.SetMeta(m)
	if p.quantized() {
		m.Set("general.quantization_version", uint32(2))
	}
	m.Set("bitnet_tool.version", p.opts.Tool)
	for _, t := range p.Tensors {
		if t.Type == quant.I2_S {
			m.Set("bitnet_tool.i2s_layout", "128x32")
			break
		}
	}
	if p.mode != "" {
		m.Set("bitnet_tool.scale_mode", string(p.mode))
	}
	m.Set(digestKey, fmt.Sprintf("sha256:%064d", 0))
	if s.Repo != "" {
		m.Set("bitnet_tool.source.repo", s.Repo)
		m.Set("bitnet_tool.source.commit", s.Commit)
	}
	m.Set("bitnet_tool.recipe", p.opts.flags())
	return m
}

func (p *Plan) fileType() uint32 {
	if p.opts.FileType != nil {
		return *p.opts.FileType
	}
	r, _ := lookupRecipe(p.opts.Type, p.opts.Mix)
	return r.fileType
}

// quantized reports whether any tensor has a block format.
func (p *Plan) quantized() bool {
	for _, t := range p.Tensors {
		if c, _ := quant.Lookup(t.Type); c.BlockLen > 1 {
			return true
		}
	}
	return false
}
