package openid

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keeper is a server and a vault that do as they are told.
type keeper struct {
	mu       sync.Mutex
	refused  []string // redirects that the server does not allow
	fail     []error  // of the next trades
	begin    []error  // of the next authorizations
	began    []string // their redirects
	redeemed []string // stage and code
	more     int      // spares that are wanted
}

func (k *keeper) Authorize(_ context.Context, redirect string) (*absapi.Authorization, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.refused {
		if strings.HasPrefix(redirect, r) {
			return nil, &absapi.Error{Verdict: absapi.RedirectRefused}
		}
	}
	k.began = append(k.began, redirect)
	if err := pop(&k.begin); err != nil {
		return nil, err
	}
	n := len(k.began)
	return &absapi.Authorization{URL: fmt.Sprintf("https://provider.test/%d", n), State: fmt.Sprintf("state-%d", n),
		Redirect: redirect}, nil
}

func (k *keeper) Redeem(_ context.Context, stage Stage, flow *absapi.Authorization, code redact.Secret) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.redeemed = append(k.redeemed, fmt.Sprint(stage, " ", flow.State, " ", code.Reveal()))
	return pop(&k.fail)
}

func (k *keeper) More(context.Context) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.more--
	return k.more > 0
}

func pop(list *[]error) error {
	if len(*list) == 0 {
		return nil
	}
	first := (*list)[0]
	*list = (*list)[1:]
	return first
}

// byScheme is a flow in a bubble: no sockets, no real time.
func byScheme(t *testing.T, k *keeper, stage Stage, live func(t *testing.T, f *Flow)) {
	t.Helper()
	k.refused = append(k.refused, "http://")
	synctest.Test(t, func(t *testing.T) {
		f, err := Start(t.Context(), stage, k)
		if err != nil {
			t.Fatal(err)
		}
		live(t, f)
		f.Close()
	})
}

func now(f *Flow) Progress {
	synctest.Wait()
	p, _ := f.Progress()
	return p
}

func back(state int, code string) string {
	return fmt.Sprintf("%s?code=%s&state=state-%d", absapi.Scheme, code, state)
}

func mustReturn(t *testing.T, f *Flow, address string) {
	t.Helper()
	if err := f.Return(address); err != nil {
		t.Fatal(err)
	}
}

func TestTwoSessions(t *testing.T) {
	k := &keeper{}
	byScheme(t, k, First, func(t *testing.T, f *Flow) {
		if p := now(f); p.Stage != First || p.Flow.State != "state-1" || p.Flow.Redirect != absapi.Scheme || p.Done {
			t.Errorf("%+v", p)
		}
		mustReturn(t, f, back(1, "a"))
		if p := now(f); p.Stage != Spare || p.Flow.State != "state-2" || p.Sent || p.Again != nil {
			t.Errorf("%+v", p)
		}
		mustReturn(t, f, back(2, "b"))
		if p := now(f); !p.Done || p.Err != nil || p.Stage != Spare || p.Flow != nil {
			t.Errorf("%+v", p)
		}
		if want := []string{"0 state-1 a", "1 state-2 b"}; !slices.Equal(k.redeemed, want) {
			t.Errorf("%q", k.redeemed)
		}
	})
}

// Where more than one spare is wanted the flow goes on until all are kept, or
// until one of them fails: what was kept before stays.
func TestThreeSpares(t *testing.T) {
	refused := &absapi.Error{Verdict: absapi.RedirectRefused}
	for _, c := range []struct {
		desc string
		fail []error // of each trade
		err  error
		kept int
	}{
		{"all of them", nil, nil, 3},
		{"the last is refused", []error{nil, nil, nil, refused}, refused, 2},
		{"the first is", []error{nil, refused}, refused, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			k := &keeper{more: 3, fail: c.fail}
			byScheme(t, k, First, func(t *testing.T, f *Flow) {
				for n := 1; !now(f).Done; n++ {
					mustReturn(t, f, back(n, fmt.Sprint("code", n)))
				}
				if p := now(f); p.Kept != c.kept || !errors.Is(p.Err, c.err) || p.Stage != Spare {
					t.Errorf("%+v, %q", p, k.redeemed)
				}
			})
		})
	}
}

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

func TestRounds(t *testing.T) {
	var (
		forgotten = &absapi.Error{Verdict: absapi.FlowLost, Evidence: "forgotten"}
		lost      = &absapi.Error{Verdict: absapi.Temporary, Evidence: "lost"}
		unsent    = &absapi.Error{Verdict: absapi.Temporary, Unwritten: true, Evidence: "unsent"}
		refused   = &absapi.Error{Verdict: absapi.OpenIDRefused}
		limited   = &absapi.Error{Verdict: absapi.RateLimited}
		disk      = errors.New("disk full")
	)
	for _, c := range []struct {
		desc  string
		fail  []error
		begin []error // after the first
		codes int     // that a person brings
		stage Stage   // at the end
		err   error
		used  int // trades
	}{
		{"forgotten once", []error{forgotten}, nil, 3, Spare, nil, 3},
		{"lost once", []error{lost}, nil, 3, Spare, nil, 3},
		{"forgotten twice", []error{forgotten, forgotten}, nil, 2, First, forgotten, 2},
		{"forgotten, then lost", []error{forgotten, lost}, nil, 2, First, lost, 2},
		{"once for each session", []error{forgotten, nil, lost}, nil, 4, Spare, nil, 4},
		{"a request that never left is made again", []error{unsent}, nil, 2, Spare, nil, 3},
		{"and only once", []error{unsent, unsent}, nil, 1, First, unsent, 2},
		{"refused", []error{refused}, nil, 1, First, refused, 1},
		{"too many", []error{limited}, nil, 1, First, limited, 1},
		{"the vault's trouble", []error{disk}, nil, 1, First, disk, 1},
		{"no spare begins", nil, []error{limited}, 1, Spare, limited, 1},
		{"none is needed", nil, []error{ErrNoNeed}, 1, Spare, ErrNoNeed, 1},
		{"a spare that is refused", []error{nil, refused}, nil, 2, Spare, refused, 2},
		{"the next round does not begin", []error{forgotten}, []error{lost}, 1, First, lost, 1},
	} {
		t.Run(c.desc, func(t *testing.T) {
			k := &keeper{fail: c.fail, begin: append([]error{nil}, c.begin...)}
			byScheme(t, k, First, func(t *testing.T, f *Flow) {
				for n := range c.codes {
					if p := now(f); p.Done || p.Flow == nil {
						t.Fatalf("at code %d: %+v", n+1, p)
					}
					mustReturn(t, f, back(n+1, "c"))
				}
				if p := now(f); !p.Done || p.Stage != c.stage || !errors.Is(p.Err, c.err) || len(k.redeemed) != c.used {
					t.Errorf("%+v, %q", p, k.redeemed)
				}
			})
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

// A person is asked for three spares at the most, however many are wanted.
func TestAPersonIsNotAskedForEver(t *testing.T) {
	k := &keeper{more: 9}
	byScheme(t, k, First, func(t *testing.T, f *Flow) {
		for n := 1; n <= 1+keptByPerson; n++ {
			if p := now(f); p.Done {
				t.Fatalf("it ended before address %d: %+v", n, p)
			}
			mustReturn(t, f, back(n, "code"))
		}
		if p := now(f); !p.Done || p.Err != nil || p.Kept != keptByPerson {
			t.Errorf("%+v", p)
		}
	})
}
