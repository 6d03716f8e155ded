package absapi

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
)

// house is a double of one release in a bubble, and a client of it.
type house struct {
	*Client
	server    *absfake.Server
	transport *http.Transport
}

func inHouse(t *testing.T, config absfake.Config, live func(t *testing.T, h house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		config.Users = []absfake.User{{Name: "root", Password: "r", Type: "root"}, {Name: "alice", Password: "a", Type: "user"}}
		if config.Uninitialised {
			config.Users = nil
		}
		server, err := absfake.New(config)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DialContext: server.Listen().DialContext, DisableKeepAlives: true}
		base, _ := url.Parse("http://abs.example" + config.BasePath)
		live(t, house{New(plainDoer{transport}, base), server, transport})
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func (h house) login(t *testing.T) Answer {
	t.Helper()
	in, err := h.Login(t.Context(), "alice", redact.New("a"))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (h house) refuses(t *testing.T, what string, refresh redact.Secret, want Verdict) {
	t.Helper()
	if _, err := h.Refresh(t.Context(), refresh); VerdictOf(err) != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func eachRelease(t *testing.T, f func(t *testing.T, r absfake.Release)) {
	for _, r := range absfake.RotatingReleases() {
		t.Run(string(r), func(t *testing.T) { f(t, r) })
	}
}

func TestEachReleaseSignsInAndRotates(t *testing.T) {
	eachRelease(t, func(t *testing.T, r absfake.Release) {
		inHouse(t, absfake.Config{Release: r, BasePath: "/audiobookshelf"}, func(t *testing.T, h house) {
			if m, err := h.Ping(t.Context()); err != nil || !m.ServerDate.Equal(time.Now().Truncate(time.Second)) {
				t.Errorf("ping: %+v, %v", m, err)
			}
			s, err := h.Status(t.Context())
			if err != nil || s.Version != string(r) || !s.Initialised || !slices.Contains(s.AuthMethods, "local") {
				t.Errorf("status: %+v, %v", s, err)
			}
			in := h.login(t)
			if in.ServerVersion != string(r) || in.Username != "alice" || !in.Limit.Present || in.Limit.Limit != 40 ||
				in.Limit.Remaining != 39 || in.Limit.Window != 10*time.Minute || !in.Direct {
				t.Errorf("login: %+v", in)
			}
			same, err := h.Refresh(t.Context(), in.Pair.Refresh.Secret)
			if err != nil || (same.Pair.Refresh.Secret == in.Pair.Refresh.Secret) != CollidesInSecond(string(r)) {
				t.Errorf("refresh within the second: %v, %v", same.Pair.Refresh, err)
			}
			<-time.After(2 * time.Second)
			next, err := h.Refresh(t.Context(), same.Pair.Refresh.Secret)
			if err != nil || next.Pair.Refresh.Secret == same.Pair.Refresh.Secret || next.UserID != in.UserID {
				t.Fatalf("refresh: %+v, %v", next, err)
			}
			if me, err := h.Me(t.Context(), next.Pair.Access.Secret); err != nil || me.UserID != in.UserID {
				t.Errorf("me: %+v, %v", me, err)
			}
			if me, err := h.Me(t.Context(), next.Legacy); err != nil || me.UserID != in.UserID {
				t.Errorf("me with the legacy token: %+v, %v", me, err)
			}
		})
	})
}

func TestEachReleaseGrantsItsGrace(t *testing.T) {
	eachRelease(t, func(t *testing.T, r absfake.Release) {
		inHouse(t, absfake.Config{Release: r}, func(t *testing.T, h house) {
			old := h.login(t)
			<-time.After(2 * time.Second)
			next, err := h.Refresh(t.Context(), old.Pair.Refresh.Secret)
			if err != nil {
				t.Fatal(err)
			}
			grace := Grace(string(r))
			if grace == 0 {
				h.refuses(t, "replay", old.Pair.Refresh.Secret, RefreshInvalid)
				return
			}
			<-time.After(grace - 3*time.Second)
			again, err := h.Refresh(t.Context(), old.Pair.Refresh.Secret)
			if err != nil || again.Pair.Refresh.Secret != next.Pair.Refresh.Secret {
				t.Errorf("replay in grace: %v, %v", again.Pair.Refresh, err)
			}
			<-time.After(6 * time.Second)
			h.refuses(t, "replay after grace", old.Pair.Refresh.Secret, RefreshInvalid)
		})
	})
}

func TestEachReleaseRefuses(t *testing.T) {
	eachRelease(t, func(t *testing.T, r absfake.Release) {
		inHouse(t, absfake.Config{Release: r, LimiterMax: -1}, func(t *testing.T, h house) {
			in := h.login(t)
			if in.Limit.Present || !in.Direct {
				t.Errorf("no limiter: %+v", in.Meta)
			}
			token := in.Pair.Refresh.Secret
			h.refuses(t, "access token", in.Pair.Access.Secret, HeaderEaten)
			h.refuses(t, "legacy token", in.Legacy, HeaderEaten)
			h.refuses(t, "no token", redact.New(""), HeaderEaten)
			h.refuses(t, "garbage", redact.New("garbage"), RefreshInvalid)
			for _, pw := range []string{"wrong", ""} {
				if _, err := h.Login(t.Context(), "alice", redact.New(pw)); VerdictOf(err) != PasswordRejected {
					t.Errorf("password %q: %v", pw, err)
				}
			}
			if _, err := h.Me(t.Context(), redact.New("garbage")); VerdictOf(err) != TokenRejected {
				t.Errorf("bearer: %v", err)
			}
			h.disabled(t, true)
			h.refuses(t, "disabled", token, UserInactive)
			if _, err := h.Login(t.Context(), "alice", redact.New("a")); VerdictOf(err) != PasswordRejected {
				t.Errorf("disabled, password: %v", err)
			}
			h.disabled(t, false)
			if _, err := h.Refresh(t.Context(), token); err != nil {
				t.Errorf("enabled again: %v", err)
			}
			<-time.After(2 * time.Second) // colliding tokens part
			short := h.login(t)
			<-time.After(lifetime(short.Pair.Refresh) + time.Second)
			h.refuses(t, "expired", short.Pair.Refresh.Secret, RefreshExpired)
			last := h.login(t)
			if _, err := h.Logout(t.Context(), last.Pair.Refresh.Secret); err != nil {
				t.Errorf("logout: %v", err)
			}
			h.refuses(t, "signed out", last.Pair.Refresh.Secret, RefreshInvalid)
			h.server.ChangeSecret()
			h.refuses(t, "other key", short.Pair.Refresh.Secret, RefreshInvalid)
		})
	})
}

func (h house) disabled(t *testing.T, off bool) {
	t.Helper()
	if err := h.server.SetDisabled("alice", off); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsAreWeather(t *testing.T) {
	inHouse(t, absfake.Config{LimiterMax: -1}, func(t *testing.T, h house) {
		token := h.login(t).Pair.Refresh.Secret
		for _, f := range []absfake.Fault{
			{Kind: absfake.LoseAnswer}, {Kind: absfake.Refuse}, {Kind: absfake.CutBytes, Bytes: 20}, {Kind: absfake.Portal},
			{Kind: absfake.Answer, Status: 404}, {Kind: absfake.Answer}, {Kind: absfake.Answer, Status: 401},
			{Kind: absfake.Redirect, Location: "https://login.example/"},
		} {
			remove := h.server.Inject(f)
			_, err := h.Refresh(t.Context(), token)
			var e *Error
			if !errors.As(err, &e) || e.Verdict != Temporary || e.Unwritten || e.Direct {
				t.Errorf("%s: %v", f.Kind, err)
			}
			if _, err := h.Login(t.Context(), "alice", redact.New("a")); VerdictOf(err) != Temporary {
				t.Errorf("%s, login: %v", f.Kind, err)
			}
			remove()
		}
		if n := h.server.Ledger().PasswordLogins("alice"); n != 1 {
			t.Errorf("%d logins: a password went out in bad weather", n)
		}
		if _, err := h.Refresh(t.Context(), token); err != nil {
			t.Errorf("after the weather: %v", err)
		}
	})
}

func TestLimiterAndEmptyServer(t *testing.T) {
	inHouse(t, absfake.Config{LimiterMax: 3, LimiterWindow: 12 * time.Second}, func(t *testing.T, h house) {
		token := h.login(t).Pair.Refresh.Secret
		h.refuses(t, "second", redact.New("garbage"), RefreshInvalid)
		h.refuses(t, "third", redact.New("garbage"), RefreshInvalid)
		_, err := h.Refresh(t.Context(), token)
		var e *Error
		if !errors.As(err, &e) || e.Verdict != RateLimited || e.RetryAfter <= 0 || e.RetryAfter > 12*time.Second || e.Limit.Limit != 3 ||
			e.Limit.Remaining != 0 {
			t.Fatalf("got %+v", e)
		}
		<-time.After(e.RetryAfter)
		if _, err := h.Refresh(t.Context(), token); err != nil {
			t.Errorf("after Retry-After: %v", err)
		}
	})
	inHouse(t, absfake.Config{Uninitialised: true}, func(t *testing.T, h house) {
		if _, err := h.Login(t.Context(), "root", redact.New("r")); VerdictOf(err) != NotInitialised {
			t.Errorf("got %v", err)
		}
		found, err := Discover(t.Context(), func(*url.URL) (Doer, func(), error) { return plainDoer{h.transport}, func() {}, nil },
			"http://abs.example/login")
		if err != nil || found.Initialised || found.Base.String() != "http://abs.example" {
			t.Errorf("got %+v, %v", found, err)
		}
	})
}
