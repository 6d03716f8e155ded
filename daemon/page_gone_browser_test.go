package daemon

import (
	"os"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/statuspage"
)

// Everybody can use the page of a daemon that has ended, starts again, or was asked to
// end.
func TestPageWhileTheDaemonIsGone(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	d := posed{Daemon: w.daemon.pageConfig(statuspage.Options{}).Acts(), snapshot: w.daemon.Snapshot()}
	self := players.Peer{UID: os.Getuid(), Known: true}
	p := newTab(t, b, "about:blank")

	lost := d.open(t, self)
	p.visit(lost.URL(), "Signed in")
	if err := lost.Close(); err != nil {
		t.Fatal(err)
	}
	p.until(`!document.getElementById("gone").hidden`)
	p.judge("lost")

	again := d.open(t, self)
	p.visit(again.URL()+"settings", "Messages of the desktop")
	p.click("#set-notifications summary")
	p.click("#set-notifications button")
	p.says("This page goes on by itself when it is back.") // the settings speak of the start, too
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	p.judge("restarting")

	end := d.open(t, self)
	p.visit(end.URL()+"settings", "End Shelfkeeper")
	p.click(`form[action="/settings/quit"] button`)
	p.says("Start it again")
	p.judge("quit")
}
