package main

import (
	"context"
	"fmt"
	"io"
	goruntime "runtime"
	"runtime/debug"
)

// version is that of the tool, and of the files it writes: it goes into their
// metadata.
const version = "0.1.0-dev"

func versionCommand() command {
	return command{
		name:  "version",
		about: "print the version",
		run:   func(context.Context, *call) (result, error) { return buildOf(debug.ReadBuildInfo()), nil },
	}
}

type versionResult struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the source, "" if unknown
	Modified bool   `json:"modified"` // the source differed from the revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func buildOf(info *debug.BuildInfo, ok bool) versionResult {
	v := versionResult{Version: version, Go: goruntime.Version(), Platform: goruntime.GOOS + "/" + goruntime.GOARCH}
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v versionResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s %s (%s, %s", program, v.Version, v.Go, v.Platform)
	if v.Revision != "" {
		fmt.Fprintf(w, ", %.12s", v.Revision)
	}
	if v.Modified {
		fmt.Fprint(w, ", modified")
	}
	fmt.Fprintln(w, ")")
}
