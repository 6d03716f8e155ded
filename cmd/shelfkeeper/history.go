package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/home"
)

func newHistory(e *env) *cobra.Command {
	var account string
	c := &cobra.Command{
		Use:   "history",
		Short: "Show the attempts to renew the sessions, for a bug report",
		Long: `Show every attempt to renew a session, oldest first: when it was, which token was
presented (by the second in which it was issued), what came back, and why. It
holds no token and no password; look for names and addresses before you show it.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			paths, err := e.paths()
			if err != nil {
				return err
			}
			records, err := home.History(paths, account)
			if err != nil {
				return err
			}
			if e.json {
				return e.writeJSON(map[string]any{"version": version, "accounts": records})
			}
			_, err = io.WriteString(e.stdout, folded(describeHistory(records), e.width()))
			return err
		},
	}
	c.Flags().StringVar(&account, "account", "", "only the account of that `name`")
	return c
}

const historyTime = "2006-01-02 15:04:05"

func describeHistory(records []home.AccountHistory) string {
	var out strings.Builder
	if len(records) == 0 {
		fmt.Fprintln(&out, "no attempt is on record")
	}
	for i, r := range records {
		if i > 0 {
			fmt.Fprintln(&out)
		}
		fmt.Fprintf(&out, "%s\n", r.Account)
		if l := r.Loss; l != nil {
			sure := "most likely"
			if l.Certain {
				sure = "certainly"
			}
			fmt.Fprintf(&out, "  lost %s, %s (%s): %s\n", l.At.Local().Format(historyTime), sure, l.Cause, l.Sentence)
			if l.Remedy != "" {
				fmt.Fprintf(&out, "  → %s\n", l.Remedy)
			}
		}
		if r.Trouble != "" {
			fmt.Fprintf(&out, "  %s\n", r.Trouble)
		} else if len(r.Entries) == 0 {
			fmt.Fprintln(&out, "  no attempt is on record")
		}
		for _, e := range r.Entries {
			fmt.Fprintln(&out, "  "+describeEntry(e))
		}
	}
	return out.String()
}

// describeEntry is one line: what is fixed in width comes first.
func describeEntry(e history.Entry) string {
	var parts []string
	if e.Kind != history.Machine {
		parts = append(parts, fmt.Sprintf("generation %d", e.Generation))
	}
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if e.Outcome == history.Slept {
		add("until %s", clock(e.Until))
	}
	if e.Count > 0 {
		add("%d times until %s", e.Count+1, clock(e.Until))
	}
	if e.Attempt > 1 {
		add("attempt %d", e.Attempt)
	}
	if !e.Issued.IsZero() {
		add("token of %s", clock(e.Issued))
	}
	if !e.Received.IsZero() {
		add("got one of %s", clock(e.Received))
	}
	if e.AccessToken != "" {
		add("access token %s", e.AccessToken)
	}
	if e.Row != "" {
		add("session %s", e.Row)
	}
	if e.Name != "" {
		add("user now %q", e.Name)
	}
	if e.Release != "" {
		add("server %s", e.Release)
	}
	if e.Evidence != "" {
		add("%s", e.Evidence)
	}
	return strings.TrimRight(fmt.Sprintf("%s  %-8s %-16s %s", clock(e.At), e.Kind, e.Outcome, strings.Join(parts, ", ")), " ")
}

func clock(t time.Time) string { return t.Local().Format(historyTime) }
