// Command bitnet-tool quantizes, inspects, verifies and runs ternary (BitNet
// b1.58) language models.
//
// Every command is one file of this package and one line of [commands]. To add
// one, write a function that returns a [command] (version.go is the shortest)
// and list it there: parsing flags, the JSON envelope, progress and exit codes
// come with the frame.
//
// The frame: args.go puts flags in order wherever they stand, settings.go adds
// the environment and the configuration file, app.go runs the command, exit.go
// turns its error into an exit code, answer.go prints what it returned.
package main

import (
	"context"
	"os"
)

func main() {
	ctx, stop := untilSignal(context.Background())
	code := execute(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(int(code))
}
