package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Reserve makes sure that there is room for size bytes before any is written,
// and gives the file that size. Where the file system can set room aside, it
// does; else what is free now is looked at, and others may take it meanwhile.
// Too little is [syscall.ENOSPC], with what is needed and what there is.
func (f *File) Reserve(size int64) error { return reserve(f.File, f.target, size) }

// Reserve is [File.Reserve] for a file of another kind.
func Reserve(f *os.File, size int64) error { return reserve(f, f.Name(), size) }

func reserve(f *os.File, name string, size int64) error {
	free, known := FreeSpace(filepath.Dir(name)) // before a failed attempt takes part of it
	done, err := allocate(f, size)
	if err == nil && !done {
		if known && free < size {
			err = syscall.ENOSPC
		} else {
			err = f.Truncate(size)
		}
	}
	if errors.Is(err, syscall.ENOSPC) && known {
		return fmt.Errorf("%s: %d bytes are needed, %d are free: %w", name, size, free, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %d bytes are needed: %w", name, size, err)
	}
	return nil
}

// WriteBack asks the system to begin writing bytes to the disk that have been
// written to the file, so that Commit has less to wait for. It is a hint.
func (f *File) WriteBack(off, n int64) { writeBack(f.File, off, n) }

// WriteBack is [File.WriteBack] for a file of another kind.
func WriteBack(f *os.File, off, n int64) { writeBack(f, off, n) }
