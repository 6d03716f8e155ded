package answers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// Strangers learn that the server is there, and cannot keep it busy.
func TestStrangersDoNotReachTheServer(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{}, func(c *proxy.Config) { c.OwnUID = 1 }) // the tests' peer is somebody else
	secret := w.NewGrant(players.ScopeListen)
	asked := func() int { return w.Fake.Ledger().Count(func(absfake.Entry) bool { return true }) }
	before := asked()
	for range 200 {
		for path, body := range map[string]string{"/ping": `{"success":true}`, "/Healthcheck/": "OK", "//status": ""} {
			a := w.Do("GET", path)
			if a.StatusCode != 200 || body != "" && a.Text != body {
				t.Fatalf("%s: %s %s", path, a.Status, a.Text)
			}
		}
	}
	if n := asked() - before; n > 6 {
		t.Errorf("the server was asked %d times", n)
	}
	for _, wrong := range []string{"sk_wrong", "x"} {
		w.Do("GET", "/status", "Authorization", "Bearer "+wrong)
	}
	before = asked()
	for range 3 {
		if a := w.Do("GET", "/ping", "Authorization", "Bearer "+secret); a.StatusCode != 200 {
			t.Errorf("%s", a.Status)
		}
		w.Do("GET", "/status?token="+secret)
	}
	if n := asked() - before; n != 6 {
		t.Errorf("a player with a grant: %d of 6 reached the server", n)
	}
}

// What strangers are told is ten seconds old at most, also that the server is away.
func TestStrangersAreToldTheTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := proxytest.NewStage(t, proxytest.RefusedDial, proxytest.Says(200, `{"success":true}`, "Content-Type", "application/json"),
			proxytest.RefusedDial)
		g.Stranger = true
		for _, want := range []int{503, 503, 200, 200, 503} {
			if rec, _ := g.Play("GET", "/ping"); rec.Code != want {
				t.Errorf("after %v: %d, want %d", g.Took(), rec.Code, want)
			}
			time.Sleep(6 * time.Second)
		}
		if len(g.Asked) != 3 {
			t.Errorf("asked %q", g.Asked)
		}
	})
}
