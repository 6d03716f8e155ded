package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/problem"
)

func newDoctor(e *env) *cobra.Command {
	var long bool
	c := &cobra.Command{
		Use:   "doctor [ACCOUNT or URL]",
		Short: "Find what is wrong between here and the server",
		Long: `Examines the way from this machine to an account's server, or to any other
Audiobookshelf: name, connection, certificate, who answers, the server's release,
clocks, and what a gateway in front lets through: the renewal's header, websockets,
parts of files, large uploads. It names the one fault to mend first.

It begins no session, changes nothing, and sends no password and no token. One
request of the server's sign-in limit is used. The exit code is 1 if there is a fault.

With --long an idle live socket is watched for five minutes, too.`,
		Example: "  shelfkeeper doctor\n  shelfkeeper doctor https://abs.example.org",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(c, fmt.Errorf("%s takes one account or address, got %d", c.Name(), len(args)))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			h, err := e.home(c.Context())
			if err != nil {
				return err
			}
			which := ""
			if len(args) > 0 {
				which = args[0]
			}
			var progress func(string)
			if _, watched := e.terminal(); watched && !e.json && !e.quiet {
				progress = func(what string) { fmt.Fprintf(e.stderr, "Looking at %s …\n", what) }
			}
			report, err := h.Examine(c.Context(), which, long, progress)
			if err != nil {
				return err
			}
			if e.json {
				err = e.writeJSON(report)
			} else {
				err = e.writeReport(report)
			}
			if err == nil && report.Primary != "" {
				return saidAlready{problem.Other}
			}
			return err
		},
	}
	c.Flags().BoolVar(&long, "long", false, "watch an idle live socket for five minutes, too")
	return c
}

// writeReport prints what was found, the fault to mend first at the end, where
// a terminal shows it.
func (e *env) writeReport(r doctor.Report) error {
	server := r.Server
	if r.Release != "" {
		server += " (Audiobookshelf " + r.Release + ")"
	}
	fmt.Fprintf(e.stdout, "%s\n\n", server)
	colours := e.colours()
	var skipped []string
	for _, f := range r.Findings {
		if f.Verdict == doctor.Unknown && f.Because != "" {
			skipped = append(skipped, f.ID)
			continue
		}
		if e.quiet && f.Verdict != doctor.Fault {
			continue
		}
		fmt.Fprintf(e.stdout, "  %s  %-15s %s\n", verdict(f.Verdict, colours), f.ID, f.Evidence)
		if f.Because != "" && f.Because != f.ID {
			fmt.Fprintf(e.stdout, "           %-15s it follows from %s\n", "", f.Because)
		} else if f.Remedy != "" {
			fmt.Fprintf(e.stdout, "           %-15s → %s\n", "", f.Remedy)
		}
	}
	if len(skipped) > 0 {
		fmt.Fprintf(e.stdout, "  unknown  not looked at, since %s comes first: %s\n", r.Primary, strings.Join(skipped, ", "))
	}
	if r.Primary == "" {
		_, err := fmt.Fprintln(e.stdout, "\nNothing is wrong on the way to the server.")
		return err
	}
	for _, f := range r.Findings {
		if f.ID == r.Primary {
			_, err := fmt.Fprintf(e.stdout, "\nMend this first: %s: %s\n  → %s\n", f.ID, f.Evidence, f.Remedy)
			return err
		}
	}
	return nil
}

// verdict is a verdict as a terminal shows it, seven columns wide.
func verdict(v doctor.Verdict, colours bool) string {
	code := map[doctor.Verdict]string{doctor.OK: "32", doctor.Note: "33", doctor.Fault: "31"}[v]
	padded := fmt.Sprintf("%-7s", v)
	if !colours || code == "" {
		return padded
	}
	return "\x1b[" + code + "m" + padded + "\x1b[0m"
}
