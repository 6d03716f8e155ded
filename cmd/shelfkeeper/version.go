package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says what a program was made of.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // "" unknown
	Changed bool   `json:"changed,omitempty"`
	Date    string `json:"date"` // of the commit, "" unknown
	Go      string `json:"go"`
	System  string `json:"system"`
}

// builtFrom is what the release build or the Go tool has written into the program.
func builtFrom() build {
	b := build{Version: version, Commit: commit, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && b.Commit == "":
			b.Commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.time":
			b.Date = s.Value
		case s.Key == "vcs.modified":
			b.Changed = s.Value == "true"
		}
	}
	return b
}

func newVersion(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and how it was built",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return e.version() },
	}
}

// version prints what the program was made of.
func (e *env) version() error {
	b := builtFrom()
	if e.json {
		return e.writeJSON(b)
	}
	text := "shelfkeeper " + b.Version
	if b.Commit != "" {
		text += " (" + b.Commit
		if b.Changed {
			text += ", changed"
		}
		text += ")"
	}
	text += "\n"
	if b.Date != "" && !e.quiet {
		text += "  made of the source of " + b.Date + "\n"
	}
	if !e.quiet {
		text += fmt.Sprintf("  built with %s for %s\n", b.Go, b.System)
	}
	_, err := io.WriteString(e.stdout, text)
	return err
}
