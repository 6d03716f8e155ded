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
