package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

// commands lists what the tool can do, in the order of its help.
func commands() []command {
	return []command{
		demoCommand(),
		pullCommand(),
		cacheCommand(),
		storeCommand(),
		lsCommand(),
		showCommand(),
		pathCommand(),
		useCommand(),
		rmCommand(),
		pruneCommand(),
		fsckCommand(),
		exportCommand(),
		importCommand(),
		quantizeCommand(),
		convertCommand(),
		splitCommand(),
		mergeCommand(),
		metaCommand(),
		inspectCommand(),
		estimateCommand(),
		verifyCommand(),
		diffCommand(),
		baselineCommand(),
		explainCommand(),
		runCommand(),
		tokenizeCommand(),
		benchCommand(),
		perplexityCommand(),
		fixtureCommand(),
		renderCommand(),
		completionCommand(),
		manCommand(),
		versionCommand(),
		helpCommand(),
	}
}

// command is one thing the tool can do.
type command struct {
	name  string
	args  string // arguments as the usage line shows them
	about string // one line, no full stop
	long  string // further help

	// An argument count outside min and max is a usage error.
	min, max int

	flags  []cli.Flag
	hidden bool // not in help and completion

	// report: the text is about work that was done, and -q leaves it out. Of
	// other commands the text is what they were called for.
	report bool

	// run does the work. It may return a result with an error: what was found
	// or finished before. It writes nothing itself, except that a command may
	// stream text to call.stdout when that is not nil.
	run func(ctx context.Context, c *call) (result, error)
}

// globalFlags may stand with every command.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		boolFlag("json", "print one JSON object instead of text, also on error"),
		boolFlag("quiet", "print no progress, warnings or reports; a failure is one line", "q"),
		boolFlag("verbose", "log to stderr what is being done", "v"),
		&cli.StringFlag{Name: "progress", Value: "auto", Usage: "show progress as `FORM`: auto, bar, plain, json or none"},
		&cli.StringFlag{Name: "store", Usage: "keep models in `PLACE`: dir:FOLDER or zfs:DATASET", DefaultText: "dir:$XDG_DATA_HOME/bitnet-tool"},
		&cli.StringFlag{Name: "config", Usage: "take flags that are not given from `FILE`, a JSON object"},
	}
}

// boolFlag makes a flag that is there or not.
func boolFlag(name, usage string, aliases ...string) cli.Flag {
	return &cli.BoolFlag{Name: name, Aliases: aliases, Usage: usage, DisableDefaultText: true}
}
