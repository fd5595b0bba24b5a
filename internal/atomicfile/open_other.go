//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package atomicfile

import (
	"errors"
	"os"
)

func openPlain(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func openFolder(string) (*os.File, error) { return nil, errors.ErrUnsupported }
