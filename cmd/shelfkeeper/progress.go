package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
)

func newProgress(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "progress",
		Short: "Show, repeat or delete reports of listening that the server refused",
		Long: `Players report what was listened to. What the server cannot take at the moment
waits, and is delivered when it is back. What it refuses, or what waited for more
than 30 days, is set aside: it is kept, and not sent any more.`,
		Args: noArgs,
		RunE: e.group,
	}
	c.AddCommand(newProgressList(e), newProgressRetry(e), newProgressDrop(e))
	return c
}

func newProgressList(e *env) *cobra.Command {
	var account string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the reports that were set aside",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := e.client()
			if err != nil {
				return err
			}
			list, err := client.SetAside(c.Context(), account)
			switch {
			case isNoDaemon(err):
				return notRunning()
			case err != nil:
				return err
			case e.json:
				return e.writeJSON(map[string]any{"reports": append([]control.SetAsideReport{}, list...)})
			case len(list) == 0:
				_, err := fmt.Fprintln(e.stdout, "Nothing was set aside.")
				return err
			}
			return e.showSetAside(list)
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	return c
}

func (e *env) showSetAside(list []control.SetAsideReport) error {
	var rows [][]string
	for _, r := range list {
		item, listened, reason := r.Item, "", r.Reason
		if r.Episode != "" {
			item += "/" + r.Episode
		}
		if r.Seconds > 0 {
			listened = fmt.Sprintf("%.0f s", r.Seconds)
		}
		if !r.Retryable {
			reason += " (only this is kept)"
		}
		rows = append(rows, []string{strconv.FormatUint(r.ID, 10), r.At.Local().Format("2006-01-02 15:04"), item, listened, reason})
	}
	return e.table([]string{"NUMBER", "SET ASIDE", "ITEM", "LISTENED", "REASON"}, rows)
}

func newProgressRetry(e *env) *cobra.Command {
	return e.actOnReports("retry", "Send reports that were set aside once more", "Waiting for the server once more",
		(*control.Client).RetrySetAside)
}

func newProgressDrop(e *env) *cobra.Command {
	return e.actOnReports("drop", "Delete reports that were set aside", "Deleted", (*control.Client).DropSetAside)
}

// actOnReports is a command about reports by their numbers, or about all.
func (e *env) actOnReports(
	name, short, did string, act func(*control.Client, context.Context, string, []uint64) (int, error),
) *cobra.Command {
	var account string
	var all bool
	c := &cobra.Command{
		Use:     name + " NUMBER...",
		Short:   short,
		Example: fmt.Sprintf("  shelfkeeper progress %s 17 18\n  shelfkeeper progress %s --all", name, name),
		Args: func(c *cobra.Command, args []string) error {
			if _, err := reportNumbers(args, all); err != nil {
				return usage(c, err)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			ids, err := reportNumbers(args, all)
			if err != nil {
				return usage(c, err)
			}
			client, err := e.client()
			if err != nil {
				return err
			}
			n, err := act(client, c.Context(), account, ids)
			if isNoDaemon(err) {
				return notRunning()
			}
			if err != nil {
				return err
			}
			return e.done("%s: %d", did, n)
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	c.Flags().BoolVar(&all, "all", false, "every report that was set aside")
	return c
}

// reportNumbers reads the numbers of reports; none with all.
func reportNumbers(args []string, all bool) ([]uint64, error) {
	switch {
	case all && len(args) > 0:
		return nil, fmt.Errorf("--all takes no numbers, got %q", shortened(args[0]))
	case !all && len(args) == 0:
		return nil, fmt.Errorf("name reports by their numbers, or all with --all")
	}
	var ids []uint64
	for _, a := range args {
		id, err := strconv.ParseUint(a, 10, 64)
		if err != nil || id == 0 {
			return nil, fmt.Errorf("%q is no number of a report", shortened(a))
		}
		ids = append(ids, id)
	}
	return ids, nil
}
