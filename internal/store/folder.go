package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Folder is a published version that is a folder: the [Artifact] of backends.
type Folder struct {
	info Info
	root *os.Root
}

// OpenFolder opens the folder info.Dir and reads its manifest. A folder or a
// manifest that is not there is fs.ErrNotExist; a manifest that is damaged, or
// that belongs to a version of another name than info.Ref, is [ErrDamaged].
// What info says otherwise is kept.
func OpenFolder(info Info) (*Folder, error) {
	root, err := os.OpenRoot(info.Dir)
	if err != nil {
		return nil, err
	}
	m, err := ReadManifest(root)
	if err == nil && m.Ref() != info.Ref {
		err = fmt.Errorf("%w: the manifest is that of %s", ErrDamaged, m.Ref())
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("%s: %w", info.Ref, err)
	}
	info.Manifest, info.Digest = m, m.Digest
	return &Folder{info, root}, nil
}

// Info describes the version.
func (f *Folder) Info() Info { return f.info }

// Dir is the folder's absolute path.
func (f *Folder) Dir() string { return f.info.Dir }

// FS reads the files.
func (f *Folder) FS() fs.FS { return f.root.FS() }

// Manifest describes the files.
func (f *Folder) Manifest() *Manifest { return f.info.Manifest }

// Close ends the reading.
func (f *Folder) Close() error { return f.root.Close() }

// ReadManifest reads the manifest of the version at root. If there is none
// that is fs.ErrNotExist.
func ReadManifest(root *os.Root) (*Manifest, error) {
	f, err := openPlain(root, ManifestPath)
	if errors.Is(err, ErrSource) {
		err = fmt.Errorf("%w: %s is no plain file", ErrDamaged, ManifestPath)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxManifest+1))
	if errors.Is(err, syscall.EIO) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err == nil && len(b) > MaxManifest {
		err = fmt.Errorf("%w: larger than %d bytes", ErrDamaged, MaxManifest)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestPath, err)
	}
	m, err := DecodeManifest(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestPath, err)
	}
	return m, nil
}

// openPlain opens a plain file below root for reading; links are followed as
// far as they stay within root. Anything but a plain file is [ErrSource].
func openPlain(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %q is no plain file but %s", ErrSource, name, kindOf(info.Mode()))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// kindOf puts the type of a file into words.
func kindOf(m fs.FileMode) string {
	switch m.Type() {
	case fs.ModeDir:
		return "a folder"
	case fs.ModeSymlink:
		return "a link"
	case fs.ModeNamedPipe:
		return "a FIFO"
	case fs.ModeSocket:
		return "a socket"
	case 0:
		return "a file"
	}
	return "a device"
}
