package tray

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"shelfkeeper/daemon/health"
)

// Where a browser can show a page in a window of its own, the menu offers that for each
// account; the other lines stay as they are.
func TestMenuOffersAWindowOfItsOwn(t *testing.T) {
	two := snapshotOf(nil)
	two.Accounts = append(two.Accounts, account("work"))
	noPort := snapshotOf(nil)
	noPort.Accounts[0].Proxy.URL = ""
	for _, c := range []struct {
		desc string
		in   health.Snapshot
		want []string // the lines with the word
	}{
		{"one account", snapshotOf(nil), []string{"Open in a window of its own"}},
		{"two", two, []string{"Open in a window of its own (home at abs.example.org)", "Open in a window of its own (work at abs.example.org)"}},
		{"paused", snapshotOf(&health.AccountPaused), []string{"Open in a window of its own"}},
		{"no port", noPort, []string{"[Open in a window of its own]"}},
		{"no account", health.Snapshot{Level: health.NeedsUser}, nil},
	} {
		var lines, rest []string
		for _, line := range flat(menu(c.in, nil, abilities{app: true})) {
			if strings.Contains(line, "window") {
				lines = append(lines, line)
			} else {
				rest = append(rest, line)
			}
		}
		if fmt.Sprint(lines) != fmt.Sprint(c.want) {
			t.Errorf("%s: %q, want %q", c.desc, lines, c.want)
		}
		if without := flat(menu(c.in, nil, abilities{})); !slices.Equal(rest, without) {
			t.Errorf("%s: the other lines\n%q, without\n%q", c.desc, rest, without)
		}
	}
}

// A click opens the page there, and its failure shows.
func TestAWindowOfItsOwnOpens(t *testing.T) {
	c := &fakeClient{}
	var opened []string
	cfg := Config{
		Open: func(string) error { return errors.New("no browser") },
		OpenApp: func(url string) error {
			opened = append(opened, url)
			if len(opened) > 1 {
				return errors.New("it ended at once")
			}
			return nil
		},
	}
	inLoop(t, c, cfg, func(p *fakePanel, _ *ui) {
		shows := func(text string) bool {
			return slices.ContainsFunc(p.at[:], func(l Line) bool { return strings.Contains(l.Text, text) })
		}
		p.click(t, "Open in a window")
		synctest.Wait()
		if len(opened) != 1 || shows("Could not") {
			t.Errorf("opened %q, %v", opened, p.at)
		}
		p.click(t, "Open in a window")
		synctest.Wait()
		if !shows("Could not open the window: it ended at once") {
			t.Errorf("a failure does not show: %v", p.at)
		}
	})
}

// An administrator reads too why the browser does not open.
func TestAnAdministratorsTroubleShows(t *testing.T) {
	c := &fakeClient{}
	inLoop(t, c, Config{Open: func(string) error { return errors.New("no browser") }}, func(p *fakePanel, _ *ui) {
		s := snapshotOf(nil)
		s.Accounts[0].Admin = true
		c.snapshots <- s
		synctest.Wait()
		p.click(t, "Open Audiobookshelf as administrator")
		synctest.Wait()
		if !slices.ContainsFunc(p.at[:], func(l Line) bool { return strings.Contains(l.Text, "Could not open the browser: no browser") }) {
			t.Errorf("a failure does not show: %v", p.at)
		}
	})
}
