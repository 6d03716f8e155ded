package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/bundle"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/problem"
)

func newDoctor(e *env) *cobra.Command {
	var long, yes bool
	var file string
	c := &cobra.Command{
		Use:   "doctor [ACCOUNT or URL]",
		Short: "Find what is wrong between here and the server",
		Long: `Examines this machine and the way from it to an account's server, or to any
other Audiobookshelf before there is an account.

Here: disk, keychain, ports, panel, start at login, other Shelfkeepers, proxies.
On the way: name, connection, certificate, who answers, release, clocks, and what a
gateway in front lets through: the renewal's header, websockets, parts of files,
uploads. Of the account: why its session was lost, how long its tokens live.

It names the one thing to mend first, and marks what only follows from it. At the
end it lists what no client can see, and the server's admin can.

It begins no session, changes nothing, and sends no password and no token. At most
two requests of the server's sign-in limit are used. The exit code is 1 if there is
a fault.

With --long an idle live socket is watched for five minutes, with --report all of it
goes into the file for a bug report (see "shelfkeeper report").`,
		Example: "  shelfkeeper doctor\n  shelfkeeper doctor https://abs.example.org\n  shelfkeeper doctor --long --report report.zip",
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
				err = report.WriteText(e.stdout, doctor.Style{Colours: e.colours(), Quiet: e.quiet})
			}
			if err == nil && file != "" {
				err = e.reportDoctor(c, report, file, yes)
			}
			if err == nil && report.Faulty() {
				return saidAlready{problem.Other}
			}
			return err
		},
	}
	c.Flags().BoolVar(&long, "long", false, "watch an idle live socket for five minutes, too")
	c.Flags().StringVar(&file, "report", "", "write the `file` for a bug report, with what was found in it")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "write it without a question")
	return c
}

// reportDoctor writes the file for a bug report, with what the doctor found. What is
// said of it goes to stderr: stdout may be JSON for a program.
func (e *env) reportDoctor(c *cobra.Command, report doctor.Report, file string, yes bool) error {
	paths, err := e.paths()
	if err != nil {
		return err
	}
	part := bundle.Part{Name: "doctor.json", What: "what the doctor found", Text: indented(report)}
	return e.writeBundle(c.Context(), e.stderr, e.report(c.Context(), paths, []string{report.Server}, part), file, yes)
}
