package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/bundle"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/problem"
)

// reportLines is how many lines of the log a report has.
const reportLines = 2000

func newReport(e *env) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "report [FILE]",
		Short: "Write the file that goes with a bug report",
		Long: `Write the file that goes with a bug report. It is a zip archive with the state,
the record of renewals, the end of the log, the configuration, and versions of
program and desktop.

There is no password, token or header's value in it. The names of your servers,
users and home directory are replaced. It says first what is in it, and asks.
Without FILE all of it is printed, so that you can read it.

The daemon need not run.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(c, fmt.Errorf("%s takes one file, got %d", c.Name(), len(args)))
			}
			return nil
		},
		Example: "  shelfkeeper report\n  shelfkeeper report report.zip",
		RunE: func(c *cobra.Command, args []string) error {
			paths, err := e.paths()
			if err != nil {
				return err
			}
			b := e.report(c.Context(), paths, nil)
			if len(args) == 0 {
				return e.printReport(b)
			}
			if !e.json && !e.quiet {
				if _, err := io.WriteString(e.stdout, folded("The report has:\n"+b.Contents(), e.width())); err != nil {
					return err
				}
			}
			return e.writeBundle(c.Context(), e.stdout, b, args[0], yes)
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "write it without a question")
	return c
}

// writeBundle says what is in a report, asks a person, and writes it.
func (e *env) writeBundle(ctx context.Context, say io.Writer, b *bundle.Bundle, name string, yes bool) error {
	if say != e.stdout || !e.json && !e.quiet {
		if _, err := io.WriteString(say, folded("The report has:\n"+b.Contents(), e.width())); err != nil {
			return err
		}
	}
	if _, typing := e.terminal(); typing && !yes {
		ok, err := e.confirm(ctx, "Write it to "+name+"?")
		if err != nil {
			return err
		}
		if !ok {
			return problem.Newf(problem.Usage, "answer y, or give --yes", "nothing was written")
		}
	}
	err := b.Create(name, time.Now())
	switch {
	case errors.Is(err, fs.ErrExist):
		return problem.Newf(problem.Usage, "name a file that does not exist yet", "%s is there already", shortened(name))
	case errors.Is(err, fs.ErrNotExist):
		return problem.Newf(problem.Usage, "name a folder that exists", "there is no folder %s", filepath.Dir(name))
	case err != nil:
		return problem.New(problem.Config, fmt.Errorf("write the report: %w", err), durable.Remedy(err))
	}
	written := fmt.Sprintf("%s is written. Look into it before you show it to others.", name)
	if say != e.stdout { // beside what was asked for
		_, err := fmt.Fprintln(say, written)
		return err
	}
	return e.done("%s", written)
}

// printReport prints all of a report.
func (e *env) printReport(b *bundle.Bundle) error {
	if !e.json {
		return b.WriteText(e.stdout)
	}
	var text strings.Builder
	if err := b.WriteText(&text); err != nil {
		return err
	}
	return e.writeJSON(map[string]any{"report": text.String()})
}

// report gathers what a bug report needs, and more. What cannot be read says so in its
// place. further are servers to name no more than those of accounts.
func (e *env) report(ctx context.Context, paths config.Paths, further []string, more ...bundle.Part) *bundle.Bundle {
	parts := []bundle.Part{
		{Name: "status.json", What: "the state of the daemon and of every account", Text: e.reportedStatus(ctx)},
		{Name: "history.json", What: "attempts to renew the sessions", Text: reportedHistory(paths)},
		{Name: "log.txt", What: fmt.Sprintf("the newest %d lines of the log", reportLines), Text: reportedLog(paths)},
		{Name: "config.toml", What: "the configuration without its secrets", Text: reportedConfig(paths)},
		{Name: "versions.txt", What: "versions of the program, its modules and the system", Text: bundle.Versions(version, commit)},
		{Name: "desktop.txt", What: "the desktop, and which variables are set", Text: bundle.Desktop()},
		{Name: "files.txt", What: "names and sizes of the program's files", Text: bundle.Files(paths.State)},
	}
	parts = append(more, parts...)
	servers, users := further, []string(nil)
	cfg, _ := config.Load(paths.Config) // without one there are no more addresses
	names := cfg.AccountNames()
	if book, err := accounts.Open(paths.State); err == nil {
		for _, a := range book.All() {
			servers, users, names = append(servers, a.Server), append(users, a.Username), append(names, a.Name)
		}
	}
	for _, name := range names {
		for _, address := range cfg.Upstream(name).Addresses {
			servers = append(servers, address.String())
		}
	}
	homeDir, _ := os.UserHomeDir()
	return bundle.New(bundle.NewNames(homeDir, servers, users), parts...)
}

func (e *env) reportedStatus(ctx context.Context) string {
	client, err := e.client()
	if err == nil {
		snapshot, err2 := client.Snapshot(ctx)
		if err = err2; err == nil {
			return indented(snapshot)
		}
	}
	return err.Error() + "\n"
}

func reportedHistory(paths config.Paths) string {
	records, err := home.History(paths, "")
	if err != nil {
		return err.Error() + "\n"
	}
	return indented(records)
}

func reportedLog(paths config.Paths) string {
	var out bytes.Buffer
	if err := logbook.Tail(&out, paths.State, reportLines); err != nil {
		fmt.Fprintln(&out, err)
	}
	return out.String()
}

func reportedConfig(paths config.Paths) string {
	text, err := durable.Read(paths.Config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "# there is none\n"
	case err != nil:
		return "# " + err.Error() + "\n"
	}
	return bundle.Config(text)
}

func indented(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error() + "\n"
	}
	return string(text) + "\n"
}
