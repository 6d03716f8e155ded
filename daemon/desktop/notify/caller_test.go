package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// screen is a desktop that is called.
type screen struct {
	mu    sync.Mutex
	calls []string
	wrong error
	click map[string]func()
}

func (s *screen) show(_ context.Context, n Notice, clicked func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, "show "+n.Key)
	if s.click == nil {
		s.click = map[string]func(){}
	}
	s.click[n.Key] = clicked
	return s.wrong
}

func (s *screen) clear(ctx context.Context, n Notice, rest bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprint("clear ", n.Key, " ", rest))
	return ctx.Err()
}

func (s *screen) did() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	did := s.calls
	s.calls = nil
	return did
}

// Each notice is shown once as long as it holds, taken away when it is over, and shown
// again when it holds anew; at the end everything is taken away.
func TestCallerShowsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{}
		c := newCaller(s, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); c.Run(ctx) }()
		a, b := Notice{Key: "a"}, Notice{Key: "b"}
		for _, step := range []struct {
			holds [][]Notice // sets that come before anybody looks
			want  []string
		}{
			{[][]Notice{{a}}, []string{"show a"}},
			{[][]Notice{{a}}, nil},
			{[][]Notice{{a, b}}, []string{"show b"}},
			{[][]Notice{{b}}, []string{"clear a true"}},
			{[][]Notice{{b}, {}, {b}}, []string{"clear b false", "show b"}},
			{[][]Notice{{}, {a}, {}}, []string{"clear b false"}},
			{[][]Notice{{a}}, []string{"show a"}},
		} {
			for _, set := range step.holds {
				c.Show(set)
			}
			synctest.Wait()
			if got := s.did(); !slices.Equal(got, step.want) {
				t.Errorf("%v: %q, want %q", step.holds, got, step.want)
			}
		}
		s.click["a"]()
		if key := <-c.Clicked(); key != "a" {
			t.Errorf("clicked %q", key)
		}
		cancel()
		<-ended
		if got := s.did(); !slices.Equal(got, []string{"clear a false"}) {
			t.Errorf("at the end %q", got)
		}
	})
}

// A desktop that shows nothing is not asked again, and many clicks block nobody.
func TestCallerOfADesktopThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{wrong: errors.New("no centre")}
		c := newCaller(s, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.Run(ctx)
		for range 3 {
			c.Show([]Notice{{Key: "a"}})
			synctest.Wait()
		}
		<-time.After(time.Minute)
		if got := s.did(); !slices.Equal(got, []string{"show a"}) {
			t.Errorf("%q", got)
		}
		for range 3 * shownAtMost {
			s.click["a"]()
		}
		cancel()
		synctest.Wait()
	})
}

func TestToastEscapesWhatAServerSaid(t *testing.T) {
	got := toastXML(Notice{Key: `home/"lost"`, Title: "a <b>", Body: "]]> & $(calc)\x00", Label: `Show "it"`})
	for _, want := range []string{`launch="home/&#34;lost&#34;"`, "a &lt;b&gt;", "]]&gt; &amp; $(calc)\uFFFD", `content="Show &#34;it&#34;"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if strings.Contains(toastXML(Notice{Key: "x"}), "<action") {
		t.Error("a button without words")
	}
}

func TestProgramsOfMacOS(t *testing.T) {
	var ran [][]string
	here := map[string]bool{"osascript": true}
	p := &programs{
		page: func(account string) []string {
			return []string{"/Applications/It's/shelfkeeper", "page", "--account", account}
		},
		find: func(program string) (string, error) {
			if !here[program] {
				return "", errors.New("there is no " + program)
			}
			return "/bin/" + program, nil
		},
		run: func(_ context.Context, argv ...string) error { ran = append(ran, argv); return nil },
	}
	n := Notice{Key: "home/lost", Title: "-alice needs you", Body: `" & (do shell script "x")`, Account: "home"}
	both := func() {
		t.Helper()
		if err := errors.Join(p.show(t.Context(), n, nil), p.clear(t.Context(), n, false)); err != nil {
			t.Error(err)
		}
	}
	both()
	here["terminal-notifier"] = true
	both()
	want := [][]string{
		{"/bin/osascript", "-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run",
			"\u200b-alice needs you", "\u200b" + n.Body},
		{"/bin/terminal-notifier", "-title", "\u200b-alice needs you", "-message", "\u200b" + n.Body, "-group",
			"shelfkeeper/home/lost", "-execute",
			`'/Applications/It'\''s/shelfkeeper' 'page' '--account' 'home'`},
		{"/bin/terminal-notifier", "-remove", "shelfkeeper/home/lost"},
	}
	if !slices.EqualFunc(ran, want, slices.Equal[[]string]) {
		t.Errorf("ran %q", ran)
	}
	clear(here)
	if p.show(t.Context(), n, nil) == nil {
		t.Error("a Mac without osascript shows a message")
	}
}
