package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// decodeManifest reads a manifest from a stranger. What cannot be one is
// refused before it takes memory: a list of empty objects would take forty
// times its bytes.
func decodeManifest(b []byte) (*store.Manifest, error) {
	// A file has six fields, two of them in an object, and one left out has two.
	if bytes.Count(b, []byte{','}) > 10*store.MaxFiles {
		return nil, fmt.Errorf("%w: the manifest lists more than %d files", ErrFormat, store.MaxFiles)
	}
	m, err := store.DecodeManifest(b)
	if errors.Is(err, store.ErrUnsupported) {
		return nil, err
	}
	if err == nil {
		err = checkManifest(b, m)
	}
	if err != nil {
		// Its names and paths are not ones that a user gave.
		return nil, fmt.Errorf("%w: %s: %v", ErrFormat, store.ManifestPath, err) //nolint:errorlint // see above
	}
	return m, nil
}

// checkManifest holds a manifest against the limits of a bundle.
func checkManifest(b []byte, m *store.Manifest) error {
	if len(b) > maxManifest {
		return fmt.Errorf("%w: the manifest has %d bytes, more than %d", ErrFormat, len(b), maxManifest)
	}
	for _, f := range m.Files {
		if len(f.Path) > maxPath || strings.Count(f.Path, "/") >= maxDepth {
			return fmt.Errorf("%w: the path %.60q… is longer than %d bytes or deeper than %d folders", ErrFormat, f.Path, maxPath, maxDepth)
		}
		if f.Hub.SHA256 != "" && f.Hub.SHA256 != f.SHA256.Hex() {
			return fmt.Errorf("%w: the manifest has two digests of %q", ErrFormat, f.Path)
		}
	}
	if len(folders(m)) > maxFolders {
		return fmt.Errorf("%w: the files are in more than %d folders", ErrFormat, maxFolders)
	}
	return nil
}

// folders are all that the files are in, at most one more than is allowed.
func folders(m *store.Manifest) map[string]bool {
	found := map[string]bool{store.MetaDir: true}
	for _, f := range m.Files {
		for dir := path.Dir(f.Path); dir != "." && !found[dir] && len(found) <= maxFolders; dir = path.Dir(dir) {
			found[dir] = true
		}
	}
	return found
}
