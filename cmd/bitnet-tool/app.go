package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// program is the name of the tool, and of its metadata keys and schemas.
const program = "bitnet-tool"

// streams are where a process reads and writes.
type streams struct {
	in       io.Reader
	out, err *os.File
}

// execute runs one command line and reports how it went.
func execute(ctx context.Context, argv []string, s streams) exitCode {
	cmds := commands()
	if n := len(argv); n > 0 && argv[n-1] == completionFlag {
		return complete(argv, cmds, s.out)
	}
	p, err := takeApart(argv, cmds)
	if ferr := p.fill(cmds, os.Getenv); err == nil {
		err = ferr
	}
	c, cerr := newCall(p, s)
	if err == nil {
		err = cerr
	}
	var res result
	if err == nil {
		res, err = c.dispatch(ctx, cmds)
	}
	if errors.Is(err, context.Canceled) {
		if s, ok := errors.AsType[*signalError](context.Cause(ctx)); ok {
			err = s
		}
	}
	return c.finish(res, err)
}

// dispatch lets urfave/cli read the flags and runs the command.
func (c *call) dispatch(ctx context.Context, cmds []command) (result, error) {
	if c.parsed.help {
		c.parsed.command, c.parsed.args = "help", []string{c.parsed.command}
		c.parsed.flags = flagValues{}
	}
	if c.parsed.command == "" {
		return nil, usagef("no command is given").suggest("%s help lists them, %s demo shows what they are for", program, program)
	}
	var res result
	app := newApp(cmds, func(cc *cli.Context, cmd command) (err error) {
		if err := cmd.checkArgs(c.parsed.args); err != nil {
			return err
		}
		c.flags, c.args, c.report = cc, c.parsed.args, cmd.report
		c.log.Debug("run", "command", cmd.name, "args", c.args, "flags", c.parsed.flags)
		res, err = cmd.run(ctx, c)
		return err
	})
	app.OnUsageError = c.badFlag
	for _, cmd := range app.Commands {
		cmd.OnUsageError = c.badFlag
	}
	err := app.RunContext(ctx, c.parsed.arrange(program, tableOf(globalFlags())))
	return res, err
}

// newApp builds the application of urfave/cli; run is what its commands do.
func newApp(cmds []command, run func(*cli.Context, command) error) *cli.App {
	app := &cli.App{
		Name:            program,
		Usage:           "quantize, inspect, verify and run ternary language models",
		Version:         version,
		HideVersion:     true, // -v is --verbose
		HideHelpCommand: true, // help is a command of ours
		Flags:           globalFlags(),
		Writer:          io.Discard,
		ErrWriter:       io.Discard,
		// The default handler would end the process.
		ExitErrHandler: func(*cli.Context, error) {},

		SliceFlagSeparator: listSeparator,
	}
	for _, cmd := range cmds {
		app.Commands = append(app.Commands, &cli.Command{
			Name:            cmd.name,
			UsageText:       cmd.usage(),
			Usage:           cmd.about,
			Description:     cmd.long,
			Flags:           slices.Clone(cmd.flags),
			Hidden:          cmd.hidden,
			HideHelpCommand: true,
			Action:          func(cc *cli.Context) error { return run(cc, cmd) },
		})
	}
	return app
}

// badFlag explains a flag whose value could not be read.
func (c *call) badFlag(_ *cli.Context, err error, _ bool) error {
	text := err.Error()
	for name, v := range c.parsed.flags {
		if strings.Contains(text, "for flag -"+name+":") || strings.Contains(text, "for -"+name+":") {
			return usagef("%s cannot be %q", v.from, v.text).suggest("see %s help %s", program, c.parsed.command)
		}
	}
	return usagef("%w", err)
}

// usage shows how the command is called.
func (cmd command) usage() string {
	return strings.TrimSpace(program + " " + cmd.name + " " + cmd.args)
}

func (cmd command) checkArgs(args []string) error {
	if len(args) < cmd.min {
		return usagef("%s needs more arguments", cmd.name).suggest("%s", cmd.usage())
	}
	if len(args) > cmd.max {
		return usagef("%s takes no argument %q", cmd.name, args[cmd.max]).suggest("%s", cmd.usage())
	}
	return nil
}

// helpText gives the help page of a command, or of the tool for "".
func helpText(cmds []command, name string) (string, error) {
	var page bytes.Buffer
	app := newApp(cmds, nil)
	app.Setup()
	app.Writer = &page
	cc := cli.NewContext(app, nil, nil)
	var err error
	if name == "" {
		err = cli.ShowAppHelp(cc)
	} else {
		err = cli.ShowCommandHelp(cc, name)
	}
	return page.String(), err
}
