package daemon

import (
	"io"
	"net/http"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
)

// What a player fetches shows within a second, with the program, the title that
// the server gives it, and its speed; and it goes when it is over.
func TestPageStreams(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	item := w.fake.Library().Large()
	path := "/api/items/" + item.ID + "/file/" + item.Files[0].Ino
	asked := func() int {
		return w.fake.Ledger().Count(func(e absfake.Entry) bool {
			return e.Path == "/audiobookshelf/api/items/"+item.ID || e.Path == "/api/items/"+item.ID
		})
	}
	slow := w.fake.Inject(absfake.Fault{Kind: absfake.Rate, Path: "/api/items/*/file/*", Bytes: 50_000})
	defer slow()
	p := newTab(t, b, w.page)
	p.says("Nothing plays.")
	if n := asked(); n != 0 {
		t.Errorf("the server was asked %d times before anything played", n)
	}
	r, err := http.NewRequest(http.MethodGet, w.daemon.Snapshot().Accounts[0].Proxy.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "mpv/0.35")
	began := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	go func() { _, _ = io.Copy(io.Discard, resp.Body) }() // it ends with the body
	p.until(`document.querySelector("section[id^=streams] tbody") !== null`)
	t.Logf("it showed after %v", time.Since(began)) // a second where the machine is free
	p.says(item.Title)
	p.until(`/\d\d\.\d kB a second/.test(document.body.innerText)`)
	p.judge("account-playing")
	if n := asked(); n != 1 {
		t.Errorf("the server was asked %d times for one title", n)
	}
	_ = resp.Body.Close()
	p.says("just over")
	p.says("Nothing plays.")
}
