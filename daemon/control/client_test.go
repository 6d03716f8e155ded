package control

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

func TestSnapshotCrosses(t *testing.T) {
	d := newDouble()
	d.now = health.Snapshot{Version: "1.2", PID: 7, Level: health.Offline,
		Accounts: []health.Account{{Name: "a", Level: health.Offline, Reason: "ü \"<>&\n"}}}
	_, path, _ := serve(t, d)
	got, err := Dial(path).Snapshot(t.Context())
	if err != nil || !reflect.DeepEqual(got, d.now) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSignInCrossesWhole(t *testing.T) {
	// Every field is set, so that one forgotten on the way fails the test.
	in := SignInRequest{Server: "abs.example", Username: "ü", Password: redact.New("pa\"ss\\wörd <&>\u2028"), Token: redact.New("to.k.en"),
		Account: "home", Keep: true, AllowHTTP: true, Store: "file", Replace: true,
		Passphrase: redact.New("open <ü>"), Gateway: upstream.GatewayChange{
			Headers: []upstream.GatewayHeader{{Name: "X-Gate", Value: redact.New("gäte"), For: []string{"https://abs.example"}}}}}
	want := SignInAnswer{Account: "home", Server: "https://abs.example", ServerVersion: "2.36.0", User: "ü",
		ProxyURL: "http://127.0.0.1:13379", Grant: "sk_c2VjcmV0", Warnings: []string{"one", "two"}, Admin: true}
	for _, v := range []any{in, want} {
		for i := range reflect.ValueOf(v).NumField() {
			if reflect.ValueOf(v).Field(i).IsZero() {
				t.Fatalf("%T.%s is not tested", v, reflect.TypeOf(v).Field(i).Name)
			}
		}
	}
	d := newDouble()
	var arrived SignInRequest
	d.signIn = func(_ context.Context, in SignInRequest) (SignInAnswer, error) { arrived = in; return want, nil }
	_, path, log := serve(t, d)
	got, err := Dial(path).SignIn(t.Context(), in)
	if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(arrived, in) || arrived.Password.Reveal() != in.Password.Reveal() ||
		arrived.Passphrase.Reveal() != in.Passphrase.Reveal() {
		t.Errorf("arrived %+v; got %+v, %v", arrived, got, err)
	}
	if l := log.String(); l != "" { // the daemon tells of its sign-ins
		t.Errorf("log: %s", l)
	}
}

func TestPasswordThatJSONWouldChange(t *testing.T) {
	called := false
	d := newDouble()
	d.signIn = func(context.Context, SignInRequest) (SignInAnswer, error) { called = true; return SignInAnswer{}, nil }
	_, path, _ := serve(t, d)
	_, err := Dial(path).SignIn(t.Context(), SignInRequest{Password: redact.New("caf\xe9")})
	if problem.Of(err).Code != problem.Usage || called {
		t.Errorf("got %v, called %v", err, called)
	}
}

func TestCommands(t *testing.T) {
	d := newDouble()
	var got []string
	d.reauth = func(_ context.Context, a string) error { got = append(got, "reauth "+a); return nil }
	d.signOut = func(_ context.Context, a string) error { got = append(got, "logout "+a); return nil }
	d.changePassword = func(_ context.Context, a string, old, changed redact.Secret) error {
		got = append(got, "password "+a+" "+old.Reveal()+" "+changed.Reveal())
		return nil
	}
	_, path, _ := serve(t, d)
	c := Dial(path)
	if err := errors.Join(c.Ping(t.Context()), c.Reauthenticate(t.Context(), "a"), c.SignOut(t.Context(), ""),
		c.ChangePassword(t.Context(), "a", redact.New("old"), redact.New("new")), c.Quit(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := c.ChangePassword(t.Context(), "a", redact.Secret{}, redact.New("caf\xe9")); problem.Of(err).Code != problem.Usage {
		t.Errorf("bytes that JSON would change: %v", err)
	}
	if !reflect.DeepEqual(got, []string{"reauth a", "logout ", "password a old new"}) || d.asked() != 1 {
		t.Errorf("got %q, %d quits", got, d.asked())
	}
}

func TestProblemsCross(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJ4In0.c2ln"
	for _, c := range []struct {
		desc string
		err  error
		want problem.Problem
	}{
		{"a problem", problem.Newf(problem.Rejected, "sign in", "refused"),
			problem.Problem{Code: problem.Rejected, Text: "refused", Remedy: "sign in"}},
		{"a wrapped problem", errors.Join(problem.Newf(problem.Vault, "", "locked")), problem.Problem{Code: problem.Vault, Text: "locked"}},
		{"any error", fs.ErrClosed, problem.Problem{Code: problem.Other, Text: fs.ErrClosed.Error()}},
		{"a token in somebody's text", errors.New("bad " + jwt), problem.Problem{Code: problem.Other, Text: "bad " + redact.Redacted}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			d := newDouble()
			d.reauth = func(context.Context, string) error { return c.err }
			_, path, _ := serve(t, d)
			err := Dial(path).Reauthenticate(t.Context(), "")
			var p *problem.Problem
			if !errors.As(err, &p) || *p != c.want {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestClientThatGoesAwayCancels(t *testing.T) {
	d := newDouble()
	begun, ended := make(chan struct{}), make(chan error, 1)
	d.signIn = func(ctx context.Context, _ SignInRequest) (SignInAnswer, error) {
		close(begun)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return SignInAnswer{}, ctx.Err()
	}
	_, path, _ := serve(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if _, err := Dial(path).SignIn(ctx, SignInRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("client: %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("daemon: %v", err)
	}
}

func TestCloseEndsCommandsAndWaits(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a pipe has its name for as long as a client is connected")
	}
	d := newDouble()
	begun, release := make(chan struct{}), make(chan struct{})
	returned := false
	d.signOut = func(ctx context.Context, _ string) error {
		close(begun)
		<-ctx.Done()
		<-release
		returned = true // unsynchronised: Close has to order it
		return ctx.Err()
	}
	s, path, _ := serve(t, d)
	answer := make(chan error, 1)
	go func() { answer <- Dial(path).SignOut(t.Context(), "") }()
	<-begun
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	for { // until the name is gone, so that Close has certainly begun
		if err := Dial(path).Ping(t.Context()); errors.Is(err, ErrNoDaemon) {
			break
		}
	}
	select {
	case <-closed:
		close(release)
		t.Fatal("Close did not wait")
	default:
	}
	close(release)
	if err := <-closed; err != nil || !returned {
		t.Errorf("Close: %v, handler returned %v", err, returned)
	}
	var p *problem.Problem
	if err := <-answer; !errors.As(err, &p) || p.Text != errClosing.Error() {
		t.Errorf("client: %v", err)
	}
}

// A handler that does not heed its context loses its client after the drain,
// and is waited for all the same.
func TestCloseWaitsForTheDeaf(t *testing.T) {
	const settle = 100 * time.Millisecond // for a Close that does not wait to show it
	d := newDouble()
	begun, release := make(chan struct{}), make(chan struct{})
	d.signOut = func(context.Context, string) error { close(begun); <-release; return nil }
	s, path, _ := serve(t, d)
	answer := make(chan error, 1)
	go func() { answer <- Dial(path).SignOut(t.Context(), "") }()
	<-begun
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if err := <-answer; err == nil {
		t.Error("an answer from a handler that never gave one")
	}
	select {
	case <-closed:
		close(release)
		t.Fatal("Close did not wait")
	case <-time.After(settle):
	}
	close(release)
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestServeAfterAndAround(t *testing.T) {
	s, _, _ := serve(t, newDouble())
	if err := Dial(s.file.path).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(newDouble()); err == nil {
		t.Error("served twice")
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if err := s.Serve(newDouble()); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func TestNoDaemon(t *testing.T) {
	path := socketPath(t)
	c := Dial(path)
	for desc, err := range map[string]error{
		"no socket":    c.Ping(t.Context()),
		"no directory": Dial(path + "/x/y").Ping(t.Context()),
		"quit":         c.Quit(t.Context()),
	} {
		if !errors.Is(err, ErrNoDaemon) || strings.Contains(err.Error(), hostName) {
			t.Errorf("%s: %v", desc, err)
		}
	}
}

// The client's side of the guards: a socket is not trusted for its name.
func TestStrangersThatAnswer(t *testing.T) {
	answers := func(t *testing.T, status int, version, body string) *Client {
		path := socketPath(t)
		l, _, err := bind(path)
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if version != "" {
				w.Header().Set(versionHeader, version)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})}
		done := make(chan struct{})
		go func() { defer close(done); _ = srv.Serve(l) }()
		t.Cleanup(func() { _ = srv.Close(); <-done })
		return Dial(path)
	}
	for _, c := range []struct {
		desc, version, body string
		status              int
		want                string // part of text or remedy
	}{
		{"no Shelfkeeper", "", "<html>", 200, "no Shelfkeeper"},
		{"newer daemon", "2", "{}", 200, "restart this program"},
		{"newer daemon, other problems", "2", `{"problem":{}}`, 400, "restart this program"},
		{"newer daemon that says so itself", "2", `{"code":1,"text":"x","remedy":"its own"}`, 400, "its own"},
		{"older daemon", "0", "{}", 200, "restart the daemon"},
		{"no JSON", "1", "<html>", 200, "read the answer"},
		{"problem without words", "1", "{}", 500, "500"},
		{"problem that claims success", "1", `{"code":0,"text":"x"}`, 500, "500"},
		{"redirect", "1", "", 302, "302"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			_, err := answers(t, c.status, c.version, c.body).Snapshot(t.Context())
			if err == nil {
				t.Fatal("believed it")
			}
			if said := err.Error() + problem.Of(err).Remedy; !strings.Contains(said, c.want) || problem.Of(err).Code == problem.OK {
				t.Errorf("got %q", said)
			}
		})
	}
	t.Run("another user", func(t *testing.T) {
		got := make(chan SignInRequest, 1)
		d := newDouble()
		d.signIn = func(_ context.Context, in SignInRequest) (SignInAnswer, error) { got <- in; return SignInAnswer{}, nil }
		_, path, _ := serve(t, d)
		c := Dial(path)
		c.peerOf = func(net.Conn) peer { return peer{user: "-2"} }
		_, err := c.SignIn(t.Context(), SignInRequest{Password: redact.New("x")})
		if problem.Of(err).Code != problem.Config || len(got) != 0 {
			t.Errorf("got %v, %d requests", err, len(got))
		}
	})
}
