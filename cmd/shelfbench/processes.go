package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absfake"
)

// processesRow is what came of several processes that renew one session.
type processesRow struct {
	Release     absfake.Release `json:"release"`
	Generations int             `json:"generations"` // by the vault
	ByDaemons   int             `json:"reauth_by_daemons"`
	ByCommands  int             `json:"reauth_by_commands"` // each a process of its own
	Adopted     int             `json:"adopted"`            // reauth that found another process's pair
	Statuses    int             `json:"statuses"`
	Doubled     int             `json:"doubled"` // tokens presented twice
	losses                      // by the server's ledger
	Failed      int             `json:"failed"` // reauth or status that ended in an error
	Left        []string        `json:"left"`   // what a sign-out left behind
	Verdict     string          `json:"verdict"`
}

// judge says what breaks the promise of one rotation at a time.
func (r processesRow) judge() string {
	switch {
	case r.Doubled > 0:
		return "two processes presented the same token"
	case r.SessionsLost > 0 || r.SignIns > 0 || r.Refused > 0:
		return "a session was lost"
	case r.Generations != r.Rotations:
		return "generations and rotations do not match"
	case r.Failed > 0:
		return "a command failed"
	case len(r.Left) > 0:
		return "a sign-out left something behind"
	}
	return ""
}

func newProcesses() *cobra.Command {
	var asJSON bool
	var rotations int
	release := string(absfake.Newest)
	c := &cobra.Command{
		Use:   "processes",
		Short: "Lets two daemons and a command line renew one session at once, and counts double rotations",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			dir, err := os.MkdirTemp("", "shelfbench-")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			binary, err := buildShelfkeeper(c.Context(), dir)
			if err != nil {
				return err
			}
			row, err := runProcesses(c.Context(), binary, absfake.Release(release), rotations, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return printProcesses(c.OutOrStdout(), row, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().IntVar(&rotations, "rotations", 1000, "how many rotations to force")
	c.Flags().StringVar(&release, "release", release, "of the server")
	return c
}

func printProcesses(out io.Writer, r processesRow, asJSON bool) error {
	var bad error
	if r.Verdict != "" {
		bad = errors.New(r.Verdict)
	}
	if asJSON {
		return errors.Join(json.NewEncoder(out).Encode(r), bad)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "release\t%s\n", r.Release)
	fmt.Fprintf(w, "rotations, by the server\t%d\n", r.Rotations)
	fmt.Fprintf(w, "generations, by the vault\t%d\n", r.Generations)
	fmt.Fprintf(w, "reauth through two daemons\t%d\n", r.ByDaemons)
	fmt.Fprintf(w, "reauth by commands of their own\t%d\n", r.ByCommands)
	fmt.Fprintf(w, "of these, adopted another's pair\t%d\n", r.Adopted)
	fmt.Fprintf(w, "status\t%d\n", r.Statuses)
	fmt.Fprintf(w, "tokens presented twice\t%d\n", r.Doubled)
	fmt.Fprintf(w, "sessions lost, passwords sent\t%d, %d\n", r.SessionsLost, r.SignIns)
	fmt.Fprintf(w, "failed commands\t%d\n", r.Failed)
	fmt.Fprintf(w, "left after the sign-out\t%d %q\n", len(r.Left), r.Left)
	return errors.Join(w.Flush(), bad)
}
