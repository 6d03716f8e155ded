package survival

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"shelfkeeper/daemon/absfake"
)

// dawnOfDay is the time of day at which the day in the life begins.
const dawnOfDay = 18 * time.Hour

// Day is one day in the life of a session: an ordinary one, without bad luck.
type Day struct {
	Release  string   `json:"release"`
	Account  string   `json:"account"`
	Moments  []Moment `json:"moments"`
	Requests int      `json:"requests"`
	Renewals int      `json:"renewals"`
	Sleeping int      `json:"sleeping_minutes"`
}

// Moment is something that happened. At is the time since the day began, Clock
// what a clock on the wall shows.
type Moment struct {
	At    time.Duration `json:"at_ns"`
	Clock string        `json:"clock"`
	Lasts time.Duration `json:"lasts_ns,omitempty"`
	Lane  string        `json:"lane"` // requests, renewals, sleeps or other
	Text  string        `json:"text"`
}

// The lanes of a day.
const (
	laneRequests = "requests"
	laneRenewals = "renewals"
	laneSleeps   = "sleeps"
	laneOther    = "other"
)

// listenFor is a time of listening: a program opens and asks for three things,
// then tells the server each 20 seconds how far it is.
func listenFor(at, lasts time.Duration) event {
	requests := []time.Duration{0, 0, 0}
	for d := 20 * time.Second; d < lasts; d += 20 * time.Second {
		requests = append(requests, d)
	}
	return event{at: at, kind: listening, lasts: lasts, requests: requests}
}

// ordinaryDay is what happens on it, since 18:00.
func ordinaryDay() []event {
	clock := func(h, m int) time.Duration {
		at := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
		return (at - dawnOfDay + 24*time.Hour) % (24 * time.Hour)
	}
	return []event{
		listenFor(clock(18, 5), 40*time.Minute),
		{at: clock(19, 30), kind: handoff, lasts: 3 * time.Second},
		listenFor(clock(21, 0), 50*time.Minute),
		{at: clock(22, 30), kind: sleep, lasts: clock(6, 40) - clock(22, 30)},
		listenFor(clock(6, 45), 25*time.Minute),
		{at: clock(7, 30), kind: sleep, lasts: 80 * time.Minute, silent: true},
		{at: clock(8, 55), kind: handoff, lasts: 4 * time.Second, silent: true},
		listenFor(clock(12, 10), 30*time.Minute),
		{at: clock(15, 0), kind: outage, lasts: 10 * time.Minute, disruption: gateway},
		listenFor(clock(16, 30), time.Hour),
	}
}

// PlayDay plays the day. It needs a test, as Play does.
func PlayDay(t *testing.T, release absfake.Release, account string) (*Day, error) {
	day := &Day{Release: string(release), Account: account}
	var err error
	t.Run("day", func(t *testing.T) {
		synctest.Test(t, func(*testing.T) {
			var w *world
			r := Run{Client: ours, Account: account, Release: string(release), Seed: 1, Limit: limits[0]}
			if w, err = newWorld(r, newKeeper, func() bool { return false }); err != nil {
				return
			}
			w.calm = true
			events := ordinaryDay()
			if err = w.run(events); err == nil {
				day.tell(w, events)
			}
		})
	})
	return day, err
}

// tell makes the moments of what was played and of what the server noted.
func (d *Day) tell(w *world, events []event) {
	for _, e := range events {
		switch e.kind {
		case listening:
			d.Requests += len(e.requests)
			d.add(e.at, e.lasts, laneRequests, fmt.Sprintf("a player opens and makes %d requests in %d minutes; the first waited %d ms",
				len(e.requests), int(e.lasts.Minutes()), w.askers.waitOf(w.began.Add(e.at)).Milliseconds()))
		case sleep:
			d.Sleeping += int(e.lasts.Minutes())
			d.add(e.at, e.lasts, laneSleeps, fmt.Sprintf("the machine sleeps until %s", wall(e.at+e.lasts)))
		case handoff:
			d.add(e.at, e.lasts, laneOther, "the machine comes to another network")
		case outage:
			d.add(e.at, e.lasts, laneOther, fmt.Sprintf("a gateway answers for the server, for %d minutes", int(e.lasts.Minutes())))
		}
	}
	first := true
	for _, l := range w.server.Ledger().Logins(user) {
		text := "signed in"
		if !first {
			text = "one more session, a spare"
		}
		first = false
		d.add(l.Time.Sub(w.began), 0, laneOther, text)
	}
	pairs := map[string]time.Time{} // when a refresh token was given
	for _, l := range w.server.Ledger().Logins(user) {
		pairs[l.Refresh] = l.Time
	}
	for _, r := range w.server.Ledger().Rotations(user) {
		pairs[r.To] = r.Time
		if at := r.Time.Sub(w.began); at < 24*time.Hour {
			d.Renewals++
			d.add(at, 0, laneRenewals, fmt.Sprintf("renewed; the pair before was %s old", age(r.Time.Sub(pairs[r.From]))))
		}
	}
	slices.SortStableFunc(d.Moments, func(a, b Moment) int { return int(a.At - b.At) })
}

func (d *Day) add(at, lasts time.Duration, lane, text string) {
	d.Moments = append(d.Moments, Moment{At: at, Clock: wall(at), Lasts: lasts, Lane: lane, Text: text})
}

// wall is what a clock on the wall shows.
func wall(at time.Duration) string {
	at = (at + dawnOfDay) % (24 * time.Hour)
	return fmt.Sprintf("%02d:%02d:%02d", int(at.Hours()), int(at.Minutes())%60, int(at.Seconds())%60)
}

func age(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// Timeline writes the day for people.
func (d *Day) Timeline(out io.Writer) error {
	fmt.Fprintf(out, "A day with Audiobookshelf %s, account %s: %d requests, %d renewals, %d h %02d min of sleep\n\n",
		d.Release, d.Account, d.Requests, d.Renewals, d.Sleeping/60, d.Sleeping%60)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, m := range d.Moments {
		fmt.Fprintf(w, "%s\t%s\t%s\n", m.Clock, m.Lane, m.Text)
	}
	return w.Flush()
}
