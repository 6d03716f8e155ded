package daemon

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/statuspage"
)

// A report tells how every account is doing, and names nobody.
func TestPageReport(t *testing.T) {
	w := signedInWorld(t, absfake.Config{Users: []absfake.User{{Name: "demo", Password: "demo", Type: "root"}}})
	c := w.daemon.pageConfig(statuspage.Options{})
	c.TailLog = func(out io.Writer, _ int) error {
		_, err := io.WriteString(out, "level=INFO msg=x server="+w.server+
			" user=demo token=eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJ4In0.c2lnbmF0dXJl\n")
		return err
	}
	var out bytes.Buffer
	if err := c.Acts().Report(t.Context(), &out, []doctor.Report{{Server: w.server, Primary: "websocket"}}); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(w.server)
	if err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{"Shelfkeeper test", "== state", `"level": "ok"`, "== record of account-1",
		"signed in", "== log", "user=user-1",
		"server=http://server-1", "== settings", "== check-up", "websocket"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, never := range []string{"eyJ", u.Host, "demo", "password\": \"demo"} {
		if strings.Contains(got, never) {
			t.Errorf("it says %q:\n%s", never, got)
		}
	}
}
