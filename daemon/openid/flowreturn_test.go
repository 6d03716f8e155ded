package openid

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
)

// Nothing but the awaited address ends the wait, and that works once.
func TestAddressesOfOthers(t *testing.T) {
	k := &keeper{}
	byScheme(t, k, First, func(t *testing.T, f *Flow) {
		for address, want := range map[string]error{
			"":                                       ErrNotReturn,
			"https://abs.example/login":              ErrNotReturn,
			absapi.Scheme + "?code=a":                ErrNotReturn,
			absapi.Scheme + "?state=&code=a":         ErrNotReturn,
			absapi.Scheme + "?state=state-1&state=x": ErrNotReturn,
			absapi.Scheme + "?state=state-1&code=a&code=b":       ErrNotReturn,
			absapi.Scheme + "?%zz":                               ErrNotReturn,
			"?state=state-1&code=" + strings.Repeat("x", 20_000): ErrNotReturn,
			back(2, "a"):                            ErrForeign,
			back(1, "a") + "x":                      ErrForeign,
			absapi.Scheme + "?code=a&state=STATE-1": ErrForeign,
		} {
			if err := f.Return(address); !errors.Is(err, want) {
				t.Errorf("%.60q: %v, want %v", address, err, want)
			}
		}
		if p := now(f); p.Step != 1 {
			t.Errorf("it went on: %+v", p)
		}
		// The server's own address just before is as good, and so is the query.
		mustReturn(t, f, "https://abs.example/auth/openid/mobile-redirect?code=a&state=state-1#top")
		if err := f.Return(back(1, "a")); !errors.Is(err, ErrReplayed) {
			t.Errorf("once more: %v", err)
		}
		synctest.Wait()
		mustReturn(t, f, " code=b&state=state-2\r")
		if p := now(f); !p.Done || p.Err != nil || len(k.redeemed) != 2 {
			t.Errorf("%+v, %q", p, k.redeemed)
		}
		if err := f.Return(back(3, "a")); !errors.Is(err, ErrForeign) {
			t.Errorf("at the end: %v", err)
		}
	})
}

func TestNoCode(t *testing.T) {
	for query, says := range map[string]string{
		"code=undefined&state=state-1":      "Cancel",
		"code=&state=state-1":               "Cancel",
		"state=state-1":                     "Cancel",
		"error=access_denied&state=state-1": `"access_denied"`,
		"error=x&error_description=line%0Abreak%20eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2lnbmF0dXJl&state=state-1": "x: line break [redacted]",
	} {
		k := &keeper{}
		byScheme(t, k, First, func(t *testing.T, f *Flow) {
			mustReturn(t, f, absapi.Scheme+"?"+query)
			if p := now(f); !p.Done || !errors.Is(p.Err, ErrDenied) || !strings.Contains(p.Err.Error(), says) || len(k.redeemed) != 0 {
				t.Errorf("%s: %+v", query, p)
			}
		})
	}
}

func TestNobodyComes(t *testing.T) {
	for _, stage := range []Stage{First, Spare} {
		byScheme(t, &keeper{}, stage, func(t *testing.T, f *Flow) {
			time.Sleep(firstWait - time.Second)
			if p := now(f); p.Done {
				t.Errorf("too early: %+v", p)
			}
			time.Sleep(2 * time.Second)
			if p := now(f); !p.Done || p.Stage != stage || !errors.Is(p.Err, ErrNobody) {
				t.Errorf("%+v", p)
			}
		})
	}
}

// A browser that was sent on by itself is not waited for that long.
func TestSentBrowserDoesNotCome(t *testing.T) {
	byScheme(t, &keeper{}, First, func(t *testing.T, f *Flow) {
		if err := f.take(back(1, "a"), true); err != nil {
			t.Fatal(err)
		}
		if p := now(f); !p.Sent {
			t.Errorf("%+v", p)
		}
		time.Sleep(sentWait - time.Second)
		if p := now(f); p.Done {
			t.Errorf("too early: %+v", p)
		}
		time.Sleep(2 * time.Second)
		if p := now(f); !p.Done || p.Stage != Spare || !errors.Is(p.Err, ErrNobody) {
			t.Errorf("%+v", p)
		}
	})
}

func TestSkip(t *testing.T) {
	byScheme(t, &keeper{}, First, func(t *testing.T, f *Flow) {
		f.Skip("state-1") // the first session is what it is about
		if p := now(f); p.Done {
			t.Errorf("%+v", p)
		}
		mustReturn(t, f, back(1, "a"))
		synctest.Wait()
		f.Skip("state-1")
		if p := now(f); p.Done {
			t.Errorf("%+v", p)
		}
		f.Skip("state-2")
		f.Skip("state-2")
		if p := now(f); !p.Done || p.Stage != Spare || !errors.Is(p.Err, ErrSkipped) {
			t.Errorf("%+v", p)
		}
		if err := f.Return(back(2, "b")); !errors.Is(err, ErrReplayed) {
			t.Errorf("after it was skipped: %v", err)
		}
	})
}

func TestNoWayBack(t *testing.T) {
	k := &keeper{refused: []string{"http://", "audiobookshelf:"}}
	if f, err := Start(t.Context(), First, k); f != nil || absapi.VerdictOf(err) != absapi.RedirectRefused {
		t.Errorf("%v, %v", f, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("audiobookshelf://oauth?code=a&state=b")
	f.Add("code=a&state=b&error=c")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parse(s)
		if err == nil && (c.state == "" || c.denied == "" && (c.code == "" || c.code == "undefined")) {
			t.Errorf("%q is %+v", s, c)
		}
		if strings.ContainsAny(c.denied, "\n\r") {
			t.Errorf("%q is denied in lines: %q", s, c.denied)
		}
	})
}
