package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
)

// Programs that came are known after the next start, the ones of long ago are not,
// and nothing of them stays after the sign-out.
func TestVisitorsAreKept(t *testing.T) {
	h := testHome(t, newFake(t, absfake.Config{}))
	answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	h.KeepVisitors(answer.Account, []proxy.Visitor{
		{Program: "mpv", Agent: "mpv/0.35", Scope: "listen", Requests: 3, Last: now},
		{Program: "kodi", Agent: "Kodi/21", Grant: "g1", Scope: "full", Requests: 1, Last: now.AddDate(0, 0, -20)},
		{Program: "later", Scope: "of a later version", Last: now},
	})
	a, _ := h.Book.Get(answer.Account)
	d := &Daemon{home: h}
	s, err := d.newService(a, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := s.Snapshot().Proxy.Visitors
	if len(got) != 1 || got[0].Program != "mpv" || got[0].Requests != 3 || got[0].Last.Unix() != now.Unix() {
		t.Errorf("after a start: %+v", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	file := filepath.Join(h.Paths.State, "visitors", answer.Account+".json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := h.Visitors(answer.Account); got != nil {
		t.Errorf("of a damaged file: %+v", got)
	}
	if err := h.SignOut(t.Context(), answer.Account); err != nil {
		t.Fatal(err)
	}
	h.KeepVisitors(answer.Account, []proxy.Visitor{{Program: "mpv", Scope: "listen", Last: now}}) // of a service that ends later
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left after the sign-out: %v", err)
	}
}
