package convert

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/exactjson"
)

// poolingFile is where sentence-transformers keep the pooling of a model.
const poolingFile = "1_Pooling/config.json"

// readPooling finds out how an embedding model makes one vector of many. The
// published ternary ones take that of the last token.
func (s *Source) readPooling(fsys fs.FS) error {
	s.Params.Pooling = arch.PoolLast
	f, err := fsys.Open(poolingFile)
	if errors.Is(err, fs.ErrNotExist) {
		s.Warnings = append(s.Warnings, "there is no "+poolingFile+": the vector of the last token is taken, as of the published models")
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	data, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return err
	}
	var c struct {
		CLS  bool `json:"pooling_mode_cls_token"`
		Mean bool `json:"pooling_mode_mean_tokens"`
		Last bool `json:"pooling_mode_lasttoken"`
	}
	if err := exactjson.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnsupported, poolingFile, err)
	}
	switch {
	case c.Last && !c.Mean && !c.CLS:
	case c.Mean && !c.Last && !c.CLS:
		s.Params.Pooling = arch.PoolMean
	case c.CLS && !c.Last && !c.Mean:
		s.Params.Pooling = arch.PoolCLS
	default:
		return fmt.Errorf("%w: %s names none or several of the modes cls_token, mean_tokens and lasttoken", ErrUnsupported, poolingFile)
	}
	return nil
}
