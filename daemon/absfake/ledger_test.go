package absfake

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Large: 1 << 20, LedgerSize: 50})
		path, token, _ := w.file()
		time.Sleep(2 * time.Second)
		other := w.login().access
		w.do("POST", "/login", m{"username": "demo", "password": "wrong"})
		for _, tok := range []string{token, other, token} {
			w.do("GET", path, nil, "Authorization", "Bearer "+tok, "Range", "bytes=0-99")
		}
		w.do("GET", path+"?token=garbage", nil)
		l := w.s.Ledger()
		if got := l.AccessTokensOn("/api/items/"); !slices.Equal(got, []string{TokenID(token), TokenID(other)}) {
			t.Errorf("access tokens %v", got)
		}
		if l.PasswordLogins("DEMO") != 2 || len(l.Logins("demo")) != 3 {
			t.Errorf("logins %+v", l.Logins("demo"))
		}
		if n := l.Count(func(e Entry) bool { return e.Status == 206 && e.Bytes == 100 && e.TokenKind == TokenAccess && e.Done }); n != 3 {
			t.Errorf("%d range requests", n)
		}
		if n := l.Count(func(e Entry) bool { return e.Status == 401 && e.TokenKind == TokenForeign }); n != 1 {
			t.Errorf("%d requests with a foreign token", n)
		}
		for _, e := range l.Entries() {
			if strings.Contains(e.Path, "garbage") || strings.Contains(e.Token+e.Refresh, "eyJ") {
				t.Errorf("a token lies in %+v", e)
			}
		}
		for range 200 {
			w.do("GET", "/ping", nil)
		}
		if n := len(l.Entries()); n != 50 || l.Totals().Requests != 207 || l.Totals().ByStatus[206] != 3 {
			t.Errorf("%d entries, totals %+v", n, l.Totals())
		}
		if e := l.Entries(); e[len(e)-1].Time.Before(e[0].Time) {
			t.Error("entries out of order")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Wait(ctx, func(*Ledger) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait: %v", err)
		}
	})
}

func TestMaxAuthIn(t *testing.T) {
	l := newLedger(10)
	base := time.Unix(1000, 0)
	for _, s := range []int{0, 1, 2, 30, 31, 59, 60} {
		l.auth(base.Add(time.Duration(s) * time.Second))
	}
	for window, want := range map[time.Duration]int{time.Second: 1, 3 * time.Second: 3, 30 * time.Second: 3, time.Minute: 6, time.Hour: 7} {
		if got := l.MaxAuthIn(window); got != want {
			t.Errorf("in %v: %d, want %d", window, got, want)
		}
	}
}
