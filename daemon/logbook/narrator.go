package logbook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"shelfkeeper/daemon/health"
)

// outage is how long an account must be offline before it is told.
const outage = 2 * time.Second

// settling is how long an account must be better, and not well, before it is told: on
// the way back from an outage one thing comes after the other.
const settling = 10 * time.Second

// Line is one line to be logged.
type Line struct {
	Level   slog.Level
	Account string
	Text    string
	Reason  string
	Remedy  string
}

// Narrator tells what has changed for each account: an outage is one line when it
// begins, and one when it is over. The zero value is ready.
type Narrator struct {
	accounts map[string]*told
}

// told is what was said last of an account.
type told struct {
	level     health.Level
	condition string
	bad       time.Time // since when it is not well
	better    time.Time // since when it is better, or otherwise degraded, than it was said to be; zero: it is not
	gone      time.Time // since when it is offline, and was not said to be; zero: it is not
}

// Tell returns what is to be said of s, and after how long there may be more without
// a change; 0: not.
func (n *Narrator) Tell(s health.Snapshot, now time.Time) (lines []Line, again time.Duration) {
	if n.accounts == nil {
		n.accounts = make(map[string]*told)
	}
	there := make(map[string]bool)
	for _, a := range s.Accounts {
		there[a.Name] = true
		t := n.accounts[a.Name]
		if t == nil {
			t = &told{}
			n.accounts[a.Name] = t
			lines = append(lines, Line{Account: a.Name, Level: slog.LevelInfo, Text: "is served: " + servedAs(a)})
		}
		line, wait := t.tell(a, now)
		if line.Text != "" {
			line.Account = a.Name
			lines = append(lines, line)
		}
		if wait > 0 && (again == 0 || wait < again) {
			again = wait
		}
	}
	for name := range n.accounts {
		if !there[name] {
			delete(n.accounts, name)
			lines = append(lines, Line{Account: name, Level: slog.LevelInfo, Text: "is not served any more"})
		}
	}
	return lines, again
}

func servedAs(a health.Account) string {
	where := "players reach it at " + a.Proxy.URL
	if a.Proxy.URL == "" {
		where = "players cannot reach it yet"
	}
	return a.Server + "; " + where
}

func (t *told) tell(a health.Account, now time.Time) (line Line, wait time.Duration) {
	was := *t
	switch {
	case a.Condition == health.VaultOpening.ID:
		return line, 0 // a start is no outage; a vault that does not open has words of its own
	case a.Level == was.level && (a.Condition == was.condition || a.Level == health.Offline):
		t.better, t.gone = time.Time{}, time.Time{}
		return line, 0 // one outage has several reasons, one after the other
	case a.Level == health.OK:
		*t = told{}
		text := "back after " + Span(now.Sub(was.bad))
		if was.level == health.Paused {
			text = "the pause is over, after " + Span(now.Sub(was.bad))
		}
		return Line{Level: slog.LevelInfo, Text: text}, 0
	case a.Level == health.Degraded && was.level == health.Degraded:
		if t.better.IsZero() {
			t.better = now
		}
		if left := settling - now.Sub(t.better); left > 0 {
			return line, left // what comes and goes with something else is no news
		}
	case a.Level == health.Offline && a.Level > was.level:
		if t.gone.IsZero() {
			t.gone = now
		}
		if left := outage - now.Sub(t.gone); left > 0 {
			return line, left
		}
	case a.Level < was.level && was.level != health.Paused:
		if t.better.IsZero() {
			t.better = now
		}
		if left := settling - now.Sub(t.better); left > 0 {
			return line, left
		}
	}
	*t = told{level: a.Level, condition: a.Condition, bad: was.bad}
	if was.level == health.OK || was.level == health.Paused {
		t.bad = now
		if since := a.Since.Time; !since.IsZero() && since.Before(now) {
			t.bad = since
		}
	}
	line = Line{Level: slog.LevelWarn, Text: a.Level.String(), Reason: a.Reason, Remedy: a.Remedy}
	if a.Level == health.Paused || a.Level < was.level && was.level != health.Paused {
		line.Level = slog.LevelInfo
	}
	return line, 0
}

// Span is a time as people say it.
func Span(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Round(time.Hour).Hours())/24)
}

// Log writes lines to a logger.
func Log(log *slog.Logger, lines []Line) {
	for _, l := range lines {
		log.Log(context.Background(), l.Level, l.Text, "account", l.Account, "reason", l.Reason, "remedy", l.Remedy)
	}
}
