package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
)

// Session and spare of an account without a password are both lost: one click
// in the tray opens the browser, and that is all the user has to do.
func TestOneClickRenewsOpenID(t *testing.T) {
	s, p := newOIDCServer(t, absfake.Config{AccessTTL: 4 * time.Second}, absfake.OpenID{Redirects: []string{"*"}}), newPlace(t)
	r := p.daemon()
	p.wanted()
	login := p.loginOIDC(s)
	browse(t, login.page(1))
	login.wait()
	if err := s.EndSessions(user); err != nil {
		t.Fatal(err)
	}
	p.until("the loss is seen", func(a health.Account) bool { return a.Condition == health.SessionLost.ID })

	dir := t.TempDir()
	opened := filepath.Join(dir, "opened")
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\necho \"$1\" > "+opened+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("DISPLAY", ":99")
	desk := clicks{control.Dial(p.socket()), &env{control: p.socket(), stdin: strings.NewReader("")}}
	renewed := make(chan error, 1)
	go func() { renewed <- desk.Reauthenticate(t.Context(), "") }()
	browse(t, lineOf(t, r, opened, 1))
	if err := <-renewed; err != nil {
		t.Fatal(err)
	}
	p.until("it is served again", fresh)
	if n := s.openIDLogins(); n != 4 {
		t.Errorf("%d sessions in all, want two pairs", n)
	}
}
