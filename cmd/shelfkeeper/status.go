package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// statusHow says how the status is shown.
type statusHow struct {
	watch, full bool
}

func newStatus(e *env) *cobra.Command {
	var how statusHow
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how every account is doing",
		Long: `Show how every account is doing.

The exit code is 9 if an account needs you or if there is none, 10 if one is
offline and waits for its server, and 0 otherwise. With --watch it is 0.

With --watch each change is one line with its time, until interrupted; --full
shows everything at each change.`,
		Example: "  shelfkeeper status --watch\n  shelfkeeper status --json | jq .accounts",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if how.full && !how.watch {
				return usage(c, errors.New("--full is for --watch"))
			}
			return e.status(c, how)
		},
	}
	c.Flags().BoolVar(&how.watch, "watch", false, "a line at each change, until interrupted")
	c.Flags().BoolVar(&how.full, "full", false, "with --watch, everything at each change")
	return c
}

func (e *env) status(c *cobra.Command, how statusHow) error {
	client, err := e.client()
	if err != nil {
		return err
	}
	if how.watch {
		err = client.Events(c.Context(), e.watcher(how.full))
	} else {
		var s health.Snapshot
		if s, err = client.Snapshot(c.Context()); err == nil {
			err = e.writeStatus(s)
		}
		if err == nil {
			if code := statusCode(s); code != problem.OK {
				err = saidAlready{code}
			}
		}
	}
	switch {
	case isNoDaemon(err):
		return notRunning()
	case c.Context().Err() != nil && how.watch:
		return nil // the user has seen enough
	}
	return err
}

// statusCode is the exit code of a status.
func statusCode(s health.Snapshot) problem.Code {
	switch {
	case len(s.Accounts) == 0, slices.ContainsFunc(s.Accounts, func(a health.Account) bool { return a.Level == health.NeedsUser }):
		return problem.NeedsUser
	case slices.ContainsFunc(s.Accounts, func(a health.Account) bool { return a.Level == health.Offline }):
		return problem.Offline
	}
	return problem.OK
}

func (e *env) writeStatus(s health.Snapshot) error {
	if e.json {
		return e.writeJSON(s)
	}
	_, err := io.WriteString(e.stdout, folded(describe(s, time.Now(), e.colours()), e.width()))
	return err
}

// describe is the status in words.
func describe(s health.Snapshot, now time.Time, colours bool) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Shelfkeeper %s, %s\n", s.Version, painted(s.Level, colours))
	if s.Installed != "" {
		fmt.Fprintf(&out, "  version %s is installed\n  → `shelfkeeper restart` moves over to it\n", s.Installed)
	}
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
		fmt.Fprintf(&out, "\n%s: %s for %s\n", a.Name, painted(a.Level, colours), span(max(0, now.Sub(a.Since.Time)).Round(time.Second)))
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
		describeServer(row, a)
		row("players", "%s; %d requests, %s, %d running", a.Proxy.URL, a.Proxy.Requests, size(a.Proxy.Bytes), a.Proxy.Active)
		if len(a.Proxy.Extra) > 0 {
			row("", "also %s, for programs with a grant", strings.Join(a.Proxy.Extra, ", "))
			if a.Proxy.ExtraCertificate != "" {
				row("", "the certificate there: SHA-256 %s", a.Proxy.ExtraCertificate)
			}
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
		for _, text := range []string{spare(a.Session), health.For(a.Name, emergencyKey(a.Session))} {
			if text != "" {
				row("", "%s", health.For(a.Name, text))
			}
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
		case !a.Session.AccessExpiresAt.IsZero() && a.Level != health.NeedsUser && a.Session.EmergencyKey != health.KeyInUse:
			row("", "renewed on use, %s", good)
		}
		if p := a.Progress; p.Waiting+p.SetAside+p.OtherUsers > 0 {
			row("progress", "%s", waiting(p, now))
		}
		row("socket", "%s", a.Socket.State)
		row("vault", "%s, %s", a.Vault.Backend, a.Vault.Condition)
	}
	return out.String()
}

// describeServer says which server it is, and how it is reached.
func describeServer(row func(name, format string, args ...any), a health.Account) {
	row("server", "%s (%s), user %s", a.Server, orUnknown(a.ServerVersion), a.User)
	if a.Address != "" {
		row("", "through %s", a.Address)
	}
	if a.Through != "" {
		row("", "through the proxy %s", a.Through)
	}
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
	return span(d) + " ago"
}

func in(now time.Time, t health.Time) string {
	d := t.Sub(now).Round(time.Second)
	if d < time.Second {
		return "now"
	}
	return "in " + span(d)
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
