package zfsstore

import (
	"context"
	"errors"

	"github.com/mistifyio/go-zfs/v3"
)

// The plain calls are those of go-zfs. It has no context, looks zfs up in PATH
// and prints properties for people, so it serves for what only changes
// something and is over in a moment; all reading, and all it does not know
// (hold, rename -u, snapshot -o, sources of properties), is by [run]. Its
// messages are read for their meaning although the locale is the user's:
// OpenZFS has no translations.

// createFilesystem makes a dataset, all properties in one step.
func createFilesystem(ctx context.Context, name string, props map[string]string) error {
	return plain(ctx, "create", func() error {
		_, err := zfs.CreateFilesystem(name, props)
		return err
	})
}

// mount returns the folder where the dataset now is.
func mount(ctx context.Context, name string) (dir string, err error) {
	err = plain(ctx, "mount", func() error {
		d, err := filesystem(name).Mount(false, nil)
		if err == nil {
			dir = d.Mountpoint
		}
		return err
	})
	return dir, err
}

func unmount(ctx context.Context, name string) error {
	return plain(ctx, "unmount", func() error {
		_, err := filesystem(name).Unmount(false)
		return err
	})
}

func setProperty(ctx context.Context, name, property, value string) error {
	return plain(ctx, "set", func() error { return filesystem(name).SetProperty(property, value) })
}

// destroy removes one dataset or snapshot, and nothing that depends on it.
func destroy(ctx context.Context, name string) error {
	return plain(ctx, "destroy", func() error { return filesystem(name).Destroy(zfs.DestroyDefault) })
}

func filesystem(name string) *zfs.Dataset {
	return &zfs.Dataset{Name: name, Type: zfs.DatasetFilesystem}
}

// plain calls go-zfs and gives its error a meaning.
func plain(ctx context.Context, what string, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := call()
	if e, ok := errors.AsType[*zfs.Error](err); ok {
		return newCommandError("zfs", []string{what}, e.Stderr, e.Err)
	}
	return err
}
