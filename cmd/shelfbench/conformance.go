package main

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absfake/conformance"
)

// firstDifferences is how many differences are told in words.
const firstDifferences = 20

func newConformance() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "conformance",
		Short: "Replays recorded answers of real Audiobookshelf servers against the double",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			recordings, err := conformance.Extract()
			if dir != "" {
				recordings, err = conformance.Load(dir)
			}
			if err != nil {
				return err
			}
			out := c.OutOrStdout() // before the bubbles silence it
			return inBubbles(func(t *testing.T) error {
				return printConformance(out, conformance.Run(t, recordings, conformance.Options{}), asJSON)
			})
		},
	}
	c.Flags().StringVar(&dir, "recordings", "", "folder of recordings (default: the project's own extract)")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func printConformance(out io.Writer, r *conformance.Report, asJSON bool) error {
	if len(r.Differences) > firstDifferences {
		r.Differences = r.Differences[:firstDifferences]
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "release\tgroup\tcases\treplayed\tequal\t")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t\n", row.Release, row.Group, row.Cases, row.Replayed, row.Equal)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, release := range r.Releases() {
		fmt.Fprintf(out, "%s: %.1f %% of all cases replayed and equal\n", release, 100*r.Share(release))
	}
	for _, e := range r.Exceptions {
		fmt.Fprintf(out, "not replayed: %s %s: %s\n", e.Release, e.Name, e.Reason)
	}
	for _, d := range r.Differences {
		fmt.Fprintf(out, "different: %s\n", d)
	}
	return nil
}
