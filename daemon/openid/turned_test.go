package openid

import (
	"crypto/tls"
	"errors"
	"net/url"
	"slices"
	"testing"

	"shelfkeeper/daemon/absapi"
)

// browserByTLS is a browser that a gateway sent to https at the port of this machine.
func browserByTLS(t *testing.T, callback string) {
	t.Helper()
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		_ = c.Close()
		t.Fatal("TLS is spoken there")
	}
}

// until waits for a progress.
func until(t *testing.T, f *Flow, is func(Progress) bool) Progress {
	t.Helper()
	for {
		p, changed := f.Progress()
		if is(p) {
			return p
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("still %+v", p)
		}
	}
}

// nginx with `proxy_redirect http:// https://` sends the browser to https at our port:
// the sign-in goes on by the scheme of Audiobookshelf's apps, at once.
func TestWayBackTurnedIntoHTTPS(t *testing.T) {
	k := &keeper{}
	f, callback := local(t, k)
	for range 2 { // browsers try again
		browserByTLS(t, callback)
	}
	p := until(t, f, func(p Progress) bool { return p.Again != nil })
	if !errors.Is(p.Again, ErrTurned) || p.Paste || p.Flow.Redirect != absapi.Scheme || p.Flow.State != "state-2" {
		t.Errorf("after it: %+v", p)
	}
	if err := f.Return(absapi.Scheme + "?code=c&state=state-2"); err != nil {
		t.Fatal(err)
	}
	p = until(t, f, func(p Progress) bool { return p.Stage == Spare && p.Flow != nil })
	if p.Flow.Redirect != absapi.Scheme || !slices.Equal(k.redeemed, []string{"0 state-2 c"}) {
		t.Errorf("the spare by %s, traded %v", p.Flow.Redirect, k.redeemed)
	}
	if err := f.Return(callback + "?code=c&state=state-1"); !errors.Is(err, ErrReplayed) {
		t.Errorf("the first address afterwards: %v", err)
	}
}

// The address that the browser shows beside its error is as good as ever.
func TestTurnedAddressMayBePasted(t *testing.T) {
	k := &keeper{}
	f, callback := local(t, k)
	browserByTLS(t, callback)
	until(t, f, func(p Progress) bool { return p.Again != nil })
	if err := f.Return("https" + callback[len("http"):] + "?code=d&state=state-1"); err != nil {
		t.Fatal(err)
	}
	until(t, f, func(p Progress) bool { return p.Stage == Spare && p.Flow != nil })
	if !slices.Equal(k.redeemed, []string{"0 state-1 d"}) {
		t.Errorf("traded %v", k.redeemed)
	}
	if err := f.Return(absapi.Scheme + "?code=c&state=state-2"); !errors.Is(err, ErrReplayed) {
		t.Errorf("the other way afterwards: %v", err)
	}
}

// Where the server does not allow the scheme, the address is what is left.
func TestTurnedWithoutAScheme(t *testing.T) {
	k := &keeper{refused: []string{absapi.Scheme}}
	f, callback := local(t, k)
	browserByTLS(t, callback)
	p := until(t, f, func(p Progress) bool { return p.Again != nil })
	if !p.Paste || p.Flow.State != "state-1" {
		t.Errorf("after it: %+v", p)
	}
	if err := f.Return(callback + "?code=e&state=state-1"); err != nil {
		t.Fatal(err)
	}
	until(t, f, func(p Progress) bool { return p.Stage == Spare && p.Flow != nil })
}
