package arch

import (
	"fmt"
	"maps"
	"slices"
)

// ropeBase gives the base of the rotation and refuses every other way to change
// it. It is under rope_theta, or since transformers 5 in rope_parameters, which
// also has what used to be in rope_scaling. What a configuration leaves out is
// what transformers takes for its type (models/*/configuration_*.py).
func (c *Config) ropeBase() (float64, error) {
	base := c.RopeTheta
	for _, part := range []struct {
		key    string
		fields map[string]any
	}{{"rope_scaling", c.RopeScaling}, {"rope_parameters", c.RopeParameters}} {
		for _, key := range slices.Sorted(maps.Keys(part.fields)) {
			name, v := part.key+"."+key, part.fields[key]
			switch theta, number := v.(float64); {
			case v == nil, (key == "rope_type" || key == "type") && v == "default", key == "partial_rotary_factor" && v == 1.0:
			case key != "rope_theta" || !number:
				return 0, fmt.Errorf("%w: config.json: %s %v", ErrUnsupported, name, short(v))
			case base != nil && *base != theta:
				return 0, fmt.Errorf("%w: config.json: %s is %v, but rope_theta is %v", ErrParams, name, theta, *base)
			default:
				base = &theta
			}
		}
	}
	switch {
	case c.PartialRotary != nil && *c.PartialRotary != 1:
		return 0, fmt.Errorf("%w: config.json: partial_rotary_factor %v", ErrUnsupported, *c.PartialRotary)
	case base != nil:
		return *base, nil
	case c.ModelType == "bitnet":
		return 500000, nil
	case c.ModelType == "gemma3_text":
		return 1000000, nil
	}
	return 10000, nil
}
