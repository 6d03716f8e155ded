package budget

import (
	"net/url"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
)

// What answers have shown is kept, for each address by itself even where two addresses
// are one server: each has a gateway of its own.
func TestSeen(t *testing.T) {
	all := Open("")
	address := func(host string) *url.URL { return &url.URL{Scheme: "https", Host: host} }
	inside, outside := all.Of(address("192.168.1.2")), all.Of(address("books.example.org"))
	all.Same(time.Now(), address("192.168.1.2"), address("books.example.org"))
	first := time.Now()
	limited := absapi.RateLimit{Present: true, Limit: 20, Remaining: 19, Window: time.Minute}
	if _, err := inside.Take(first); err != nil {
		t.Fatal(err)
	}
	inside.Learn(first, absapi.Meta{Cookie: absapi.CookieSecure, Limit: limited}, true)
	outside.Learn(first, absapi.Meta{Cookie: absapi.CookiePlain, Limit: limited}, true)
	later := first.Add(time.Hour)
	inside.Learn(later, absapi.Meta{Cookie: absapi.CookieSecure}, true)
	outside.Learn(later, absapi.Meta{Cookie: absapi.CookieSecure}, true)
	inside.Learn(later, absapi.Meta{}, true) // of a sign-in, which shows no cookie
	if s := inside.Seen(); s.Cookie != absapi.CookieSecure || !s.CookieAt.Equal(first.Round(0)) || s.Limit != 20 ||
		s.Window != time.Minute || len(s.Spent) != 1 {
		t.Errorf("inside: %+v", s)
	}
	if s := outside.Seen(); s.Cookie != absapi.CookieSecure || !s.CookieAt.Equal(later.Round(0)) || len(s.Spent) != 1 {
		t.Errorf("outside: %+v", s)
	}
}
