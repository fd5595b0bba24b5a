package zfsstore

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// maxName bounds the name of a version's dataset, in bytes. ZFS allows 255
// (ZFS_MAX_DATASET_NAME_LEN, with the final zero), snapshot included.
const maxName = 200

// datasetName is narrower than what ZFS allows: no spaces, and no part begins
// with a character that a command could take for an option.
var datasetName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.:-]*(/[A-Za-z0-9][A-Za-z0-9_.:-]*)*$`)

const (
	incoming = "_incoming" // no model's name begins with an underscore
	tag      = "bitnet-tool"
)

func checkDataset(name string) error {
	switch {
	case !datasetName.MatchString(name):
		return fmt.Errorf("%w: %.200q is not a ZFS dataset such as tank/bitnet", store.ErrName, name)
	case len(name) > maxName:
		return fmt.Errorf("%w: the dataset's name has %d bytes, more than %d", store.ErrName, len(name), maxName)
	}
	return nil
}

// nameDataset is the dataset of all versions of a model.
func (s *Store) nameDataset(name string) string { return s.dataset + "/" + name }

// versionDataset is the dataset of a version.
func (s *Store) versionDataset(r store.Ref) string { return s.nameDataset(r.Name) + "/" + r.Version }

// checkRef refuses references that cannot be a dataset.
func (s *Store) checkRef(r store.Ref) error {
	if err := r.Check(); err != nil {
		return err
	}
	if n := len(s.versionDataset(r)); n > maxName {
		return fmt.Errorf("%w: the dataset %.60s… would have a name of %d bytes, more than %d", store.ErrName, s.versionDataset(r), n, maxName)
	}
	return nil
}

// within gives the parts of a dataset's name below the store's.
func (s *Store) within(name string) (parts []string, ok bool) {
	rest, ok := strings.CutPrefix(name, s.dataset+"/")
	return strings.Split(rest, "/"), ok
}
