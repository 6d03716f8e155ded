package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/health"
)

func newStatus(e *env) *cobra.Command {
	var asJSON, watch bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how every account is doing",
		Long: `Show how every account is doing.

The exit code is 9 if an account needs you, and 0 otherwise: a temporary failure passes
by itself. With --watch it is 0.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := e.client()
			if err != nil {
				return err
			}
			show := func(s health.Snapshot) error { return writeStatus(e.stdout, s, asJSON) }
			if watch {
				err = client.Events(c.Context(), show)
			} else {
				var s health.Snapshot
				if s, err = client.Snapshot(c.Context()); err == nil {
					err = show(s)
				}
				if err == nil && needsUser(s) {
					err = errNeedsUser
				}
			}
			if isNoDaemon(err) {
				return notRunning()
			}
			if c.Context().Err() != nil && watch {
				return nil // the user has seen enough
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with --watch one a line")
	c.Flags().BoolVar(&watch, "watch", false, "print again at each change, until interrupted")
	return c
}

// errNeedsUser is the end of a status that has said everything already.
var errNeedsUser = errors.New("an account needs its user")

// needsUser reports whether an account needs its user. Without accounts nobody
// waits for anything.
func needsUser(s health.Snapshot) bool {
	return slices.ContainsFunc(s.Accounts, func(a health.Account) bool { return a.Level == health.NeedsUser })
}

func writeStatus(w io.Writer, s health.Snapshot, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(s)
	}
	_, err := io.WriteString(w, describe(s, time.Now()))
	return err
}

// describe is the status in words.
func describe(s health.Snapshot, now time.Time) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Shelfkeeper %s, %s\n", s.Version, s.Level)
	if s.Page.Reason != "" {
		fmt.Fprintf(&out, "  %s\n  → %s\n", s.Page.Reason, s.Page.Remedy)
	}
	if u := s.Unlisted; u != nil {
		fmt.Fprintf(&out, "  %s\n  → %s\n", u.Reason, u.Remedy)
	}
	if len(s.Accounts) == 0 {
		fmt.Fprintln(&out, "  no account yet: run `shelfkeeper login URL`")
	}
	if t := s.Tray; t != nil {
		fmt.Fprintf(&out, "  %s\n  → %s\n", t.Reason, t.Remedy)
	}
	for _, a := range s.Accounts {
		fmt.Fprintf(&out, "\n%s: %s for %s\n", a.Name, a.Level, max(0, now.Sub(a.Since.Time)).Round(time.Second))
		row := func(name, format string, args ...any) {
			fmt.Fprintf(&out, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
		}
		if a.Reason != "" {
			row("reason", "%s", a.Reason)
		}
		if a.Remedy != "" {
			row("remedy", "%s", a.Remedy)
		}
		if l := a.Loss; l != nil && now.Sub(l.At.Time) < lossShown && !strings.Contains(a.Reason, l.Sentence) {
			row("lost", "%s: %s", ago(now, l.At), l.Sentence)
			if l.Recovered {
				row("", "%s", afterLoss(a))
			}
		}
		row("server", "%s (%s), user %s", a.Server, orUnknown(a.ServerVersion), a.User)
		if a.Address != "" {
			row("", "through %s", a.Address)
		}
		if a.Through != "" {
			row("", "through the proxy %s", a.Through)
		}
		row("players", "%s; %d requests, %s, %d running", a.Proxy.URL, a.Proxy.Requests, size(a.Proxy.Bytes), a.Proxy.Active)
		if len(a.Proxy.Extra) > 0 {
			row("", "also %s, for programs with a grant", strings.Join(a.Proxy.Extra, ", "))
		}
		if a.Proxy.Resumed > 0 || a.Proxy.Held > 0 {
			row("", "%d times a stream went on after a break, %d requests waited for the server", a.Proxy.Resumed, a.Proxy.Held)
		}
		for i, r := range refusedLately(a.Proxy.Refused, now) {
			name := "refused"
			if i > 0 {
				name = ""
			}
			row(name, "%s", r)
		}
		row("session", "%s, generation %d, %d refreshes, %d password logins", a.Session.State, a.Session.Generation, a.Session.Refreshes,
			a.Session.PasswordLogins)
		switch a.Session.Method {
		case "":
		case "session only":
			row("", "signed in by password, which is not stored")
		default:
			row("", "signed in by %s", a.Session.Method)
		}
		if text := spare(a.Session); text != "" {
			row("", "%s", text)
		}
		if !a.Session.LastRotation.At.IsZero() {
			outcome := a.Session.LastRotation.Outcome
			if outcome != "" && strings.Contains(a.Reason, outcome) {
				outcome = "see the reason"
			}
			row("", "last attempt %s: %s", ago(now, a.Session.LastRotation.At), outcome)
		}
		switch good := goodUntil(a.Session.RefreshExpiresAt); {
		case a.Session.Idle:
			row("", "idle; renewed on use, %s", good)
		case !a.Session.NextRotationAt.IsZero():
			row("", "next renewal %s, %s", in(now, a.Session.NextRotationAt), good)
		}
		if p := a.Progress; p.Waiting+p.SetAside+p.OtherUsers > 0 {
			row("progress", "%s", waiting(p, now))
		}
		row("socket", "%s", a.Socket.State)
		row("vault", "%s, %s", a.Vault.Backend, a.Vault.Condition)
	}
	return out.String()
}

// spare says whether a second session takes over when this one is lost.
func spare(s health.Session) string {
	switch s.Spare {
	case health.SpareKept:
		return "a spare session takes over if this one is lost"
	case health.SpareMissing:
		return "no spare session is kept; `shelfkeeper reauth` makes one"
	}
	return ""
}

// afterLoss says what is left to do after a loss that is over.
func afterLoss(a health.Account) string {
	if a.Session.Spare == health.SpareMissing {
		return "the account is signed in again, and no spare session is left: `shelfkeeper reauth` makes one"
	}
	return "the account is signed in again; nothing is left to do"
}

// goodUntil says how long a session lives that nobody renews.
func goodUntil(end health.Time) string {
	if end.IsZero() {
		return "good until somebody ends it"
	}
	return "good until " + end.Local().Format("2 January 2006")
}

// refusedMost is how many programs that were refused are shown.
const refusedMost = 5

// refusedLately says which programs were refused, and what lets them in.
func refusedLately(list []health.Refused, now time.Time) (lines []string) {
	for _, r := range list {
		if len(lines) == refusedMost {
			break
		}
		who := r.Program
		if r.Origin != "" && !strings.Contains(r.Cause, r.Origin) {
			who += ", " + r.Origin
		}
		lines = append(lines, fmt.Sprintf("%d x %s, last %s: %s. Allow it? %s", r.Count, who, ago(now, r.Last), r.Cause, r.Remedy))
	}
	return lines
}

// waiting says what became of reports of listening.
func waiting(p health.Progress, now time.Time) string {
	var parts []string
	if p.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("waiting %d, the oldest %s", p.Waiting, ago(now, p.Oldest)))
	}
	if p.OtherUsers > 0 {
		parts = append(parts, fmt.Sprintf("%d wait for another user", p.OtherUsers))
	}
	if p.SetAside > 0 {
		parts = append(parts, fmt.Sprintf("%d set aside (%s)", p.SetAside, p.SetAsideReason))
	}
	return strings.Join(parts, "; ")
}

// lossShown is how long a loss shows that is over.
const lossShown = 7 * 24 * time.Hour

func orUnknown(s string) string {
	if s == "" {
		return "version unknown"
	}
	return s
}

func ago(now time.Time, t health.Time) string {
	d := now.Sub(t.Time).Round(time.Second)
	if d < time.Second {
		return "just now"
	}
	return d.String() + " ago"
}

func in(now time.Time, t health.Time) string {
	d := t.Sub(now).Round(time.Second)
	if d < time.Second {
		return "now"
	}
	return "in " + d.String()
}

func size(n uint64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
