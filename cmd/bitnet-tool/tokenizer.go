package main

import (
	"context"
	"io"
	"os"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/urfave/cli/v2"
)

// maxText bounds a text to be tokenized, in bytes.
const maxText = 256 << 20

// preFlag overrides the pre-tokenizer that a file names.
func preFlag() cli.Flag {
	return &cli.StringFlag{Name: "pre", Usage: "use the pre-tokenizer `NAME` instead of the file's"}
}

// tokenizerOf gives the tokenizer of an open file; pre, if not empty, is the
// pre-tokenizer to use.
func tokenizerOf(c *call, f *gguf.File, pre string) (*token.Tokenizer, error) {
	v, err := token.FromMeta(&f.Meta)
	if err != nil {
		return nil, err
	}
	if pre != "" {
		if err := v.SetPre(pre); err != nil {
			return nil, &failure{err: err, code: exitUsage}
		}
	}
	for _, w := range v.Warnings {
		c.warn("%s", w)
	}
	return token.New(v)
}

// readText reads a whole file, standard input for "-".
func readText(ctx context.Context, c *call, path string) (string, error) {
	r := c.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return "", usagef("%s is a folder, not a text", path)
		}
		r = f
	} else if c.typed() {
		c.note("the text is read from here: end it with Ctrl-D")
	}
	data, err := io.ReadAll(io.LimitReader(interruptible{ctx, r}, maxText+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxText {
		return "", usagef("%s is larger than %s", path, humanBytes(maxText))
	}
	return string(data), nil
}

// interruptible is a reader that stops waiting when ctx is done. It must not
// be read from again after that.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	type outcome struct {
		n   int
		err error
	}
	done := make(chan outcome, 1)
	buf := make([]byte, len(p)) // p is not ours after a return
	go func() {
		n, err := i.r.Read(buf)
		done <- outcome{n, err}
	}()
	select {
	case o := <-done:
		return copy(p, buf[:o.n]), o.err
	case <-i.ctx.Done():
		return 0, context.Cause(i.ctx)
	}
}
