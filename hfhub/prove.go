package hfhub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// proven reports whether a file has the size and the digest that are expected.
// An error is one of the system, not of the content.
func proven(ctx context.Context, root *os.Root, name string, f File) (bool, error) {
	info, err := root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.Size() != f.Size) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	got, err := digestOf(ctx, root, name, f.ETag(), func(int64) {})
	return got == f.ETag(), err
}

// digestOf hashes a file with the algorithm of etag. count takes the bytes as
// they are read.
func digestOf(ctx context.Context, root *os.Root, name, etag string, count func(int64)) (string, error) {
	in, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return "", err
	}
	h := newHash(etag, info.Size())
	buf := make([]byte, bufferBytes)
	for {
		n, err := in.Read(buf)
		h.Write(buf[:n])
		count(int64(n))
		if errors.Is(err, io.EOF) {
			return sum(h), nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return "", err
		}
	}
}

// copyFile copies a file by way of tmp.
func copyFile(ctx context.Context, root *os.Root, from, to, tmp string) error {
	err := copyInto(ctx, root, from, root, tmp)
	if err == nil {
		err = root.Rename(tmp, to)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copy to %s: %w", to, err), remove(root, tmp))
	}
	return nil
}

// copyBytes is what is copied before the context is looked at again.
const copyBytes = 64 << 20

// copyInto copies a file from one place to another, over what is there. Where
// the file system can, the two share their blocks.
func copyInto(ctx context.Context, source *os.Root, from string, root *os.Root, tmp string) error {
	in, err := source.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := remove(root, tmp); err != nil {
		return err
	}
	out, err := create(root, tmp, os.O_WRONLY|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	for err == nil {
		if err = ctx.Err(); err == nil {
			_, err = io.CopyN(out, in, copyBytes) // copy_file_range(2), on Linux
		}
	}
	if !errors.Is(err, io.EOF) {
		return errors.Join(err, out.Close())
	}
	return errors.Join(out.Sync(), out.Close())
}
