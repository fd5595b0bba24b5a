package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/urfave/cli/v2"
)

func tokenizeCommand() command {
	return command{
		name: "tokenize", args: "FILE | NAME[@VERSION] [TEXT]", min: 1, max: 2,
		about: "show the tokens of a text",
		long:  "Without TEXT and --file the text is read from standard input.",
		flags: storeFlags(
			&cli.StringFlag{Name: "file", Usage: "take the text from the file `F`, all of its bytes"},
			boolFlag("no-bos", "add no token that begins or ends the text"),
			boolFlag("no-special", "take special tokens in the text as plain text"),
			preFlag(),
		),
		run: runTokenize,
	}
}

type tokenizeResult struct {
	Tokens []int32  `json:"tokens"`
	Pieces []string `json:"pieces"` // a piece can be part of a character
}

func runTokenize(ctx context.Context, c *call) (result, error) {
	if len(c.args) == 2 && c.flags.IsSet("file") {
		return nil, usagef("the text is given twice, as an argument and with --file")
	}
	path, err := c.modelFile(ctx, c.args[0])
	if err != nil {
		return nil, err
	}
	f, err := openModel(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := tokenizerOf(c, f, c.flags.String("pre"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var text string
	switch {
	case len(c.args) == 2:
		text = c.args[1]
	case c.flags.IsSet("file"):
		text, err = readText(ctx, c, c.flags.String("file"))
	default:
		text, err = readText(ctx, c, "-")
	}
	if err != nil {
		return nil, err
	}
	ids := t.Encode(text, token.EncodeOptions{
		AddSpecial:   !c.flags.Bool("no-bos"),
		ParseSpecial: !c.flags.Bool("no-special"),
	})
	res := tokenizeResult{Tokens: notNil(ids), Pieces: make([]string, len(ids))}
	for i, id := range ids {
		res.Pieces[i] = t.Piece(id, true)
	}
	return res, nil
}

func (r tokenizeResult) text(w io.Writer) {
	rows := make([][]string, len(r.Tokens))
	for i, id := range r.Tokens {
		rows[i] = []string{fmt.Sprint(id), strconv.Quote(r.Pieces[i])}
	}
	table(w, rows, 0)
}

// notNil makes a list that JSON shows as [] and not as null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
