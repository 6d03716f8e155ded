package control

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// browsing is a double that offers OpenID too.
type browsing struct {
	*double
	signIn func(context.Context, OpenIDRequest, func(OpenIDStep) error) error
	came   []string
}

var _ OpenID = (*browsing)(nil)

func (b *browsing) SignInOpenID(ctx context.Context, in OpenIDRequest, show func(OpenIDStep) error) error {
	return b.signIn(ctx, in, show)
}

func (b *browsing) ReturnOpenID(_ context.Context, address string) error {
	if b.came = append(b.came, "return "+address); address == "foreign" {
		return problem.Newf(problem.Usage, "do this", "not that")
	}
	return nil
}

func (b *browsing) SkipOpenID(_ context.Context, state string) error {
	b.came = append(b.came, "skip "+state)
	return nil
}

func TestOpenIDCrossesWhole(t *testing.T) {
	in := OpenIDRequest{Server: "abs.example", Account: "home", AllowHTTP: true, Store: "file", Renew: true, Replace: true, NoSpare: true,
		Passphrase: redact.New("open <ü>"),
		Gateway:    upstream.GatewayChange{Pin: &upstream.Pin{SHA256: "ab"}}}
	steps := []OpenIDStep{
		{URL: "https://provider.test/?a=b&c=d", State: "s", Sent: true, Redirect: "audiobookshelf://oauth",
			Callback: "https://abs.example/x",
			Spare:    true,
			Answer:   &SignInAnswer{Account: "home", Grant: "sk_x", Warnings: []string{"w"}}, Notes: []string{"one", "ü"}},
		{Notes: []string{"two"}},
	}
	for _, v := range []any{in, steps[0]} {
		for i := range reflect.ValueOf(v).NumField() {
			if reflect.ValueOf(v).Field(i).IsZero() {
				t.Fatalf("%T.%s is not tested", v, reflect.TypeOf(v).Field(i).Name)
			}
		}
	}
	refused := problem.Newf(problem.Rejected, "do this", "not that")
	for _, end := range []error{nil, refused} {
		var arrived OpenIDRequest
		b := &browsing{double: newDouble(), signIn: func(_ context.Context, in OpenIDRequest, show func(OpenIDStep) error) error {
			arrived = in
			for _, s := range steps {
				if err := show(s); err != nil {
					return err
				}
			}
			return end
		}}
		_, path, log := serve(t, b)
		var shown []OpenIDStep
		err := Dial(path).SignInOpenID(t.Context(), in, func(s OpenIDStep) error { shown = append(shown, s); return nil })
		if !reflect.DeepEqual(arrived, in) || !reflect.DeepEqual(shown, steps) || (err == nil) != (end == nil) || err != nil &&
			!reflect.DeepEqual(problem.Of(err), &problem.Problem{Code: problem.Rejected, Text: "not that", Remedy: "do this"}) {
			t.Errorf("arrived %+v; shown %+v; %v", arrived, shown, err)
		}
		if l := log.String(); l != "" { // the daemon tells of its sign-ins
			t.Errorf("log: %s", l)
		}
	}
}

func TestOpenIDReturns(t *testing.T) {
	b := &browsing{double: newDouble()}
	_, path, log := serve(t, b)
	s, _ := mustListen(t, socketPath(t))
	done := make(chan error, 1)
	go func() { done <- s.ServeReturns(b) }()
	for _, c := range []*Client{Dial(path), Dial(s.file.path)} {
		if err := errors.Join(c.Ping(t.Context()), c.ReturnOpenID(t.Context(), "audiobookshelf://oauth?code=hush"),
			c.SkipOpenID(t.Context(), "s")); err != nil {
			t.Fatal(err)
		}
		if p := problem.Of(c.ReturnOpenID(t.Context(), "foreign")); p.Code != problem.Usage || p.Remedy != "do this" {
			t.Errorf("%+v", p)
		}
	}
	if want := []string{"return audiobookshelf://oauth?code=hush", "skip s", "return foreign"}; !reflect.DeepEqual(b.came,
		append(want, want...)) {
		t.Errorf("%q", b.came)
	}
	// No daemon is behind the second socket.
	if err := Dial(s.file.path).Quit(t.Context()); err == nil || b.asked() != 0 {
		t.Errorf("quit: %v", err)
	}
	if _, err := Dial(s.file.path).Snapshot(t.Context()); err == nil {
		t.Error("a snapshot came")
	}
	if err := errors.Join(s.Close(), <-done); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "hush") {
		t.Errorf("log: %s", log.String())
	}
}

// A command that is interrupted ends the sign-in, and so does a daemon that
// quits.
func TestOpenIDEndsWithEitherSide(t *testing.T) {
	for _, client := range []bool{true, false} {
		ended := make(chan error, 1)
		b := &browsing{double: newDouble(), signIn: func(ctx context.Context, _ OpenIDRequest, show func(OpenIDStep) error) error {
			if err := show(OpenIDStep{URL: "u"}); err != nil {
				return err
			}
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		}}
		s, path, _ := serve(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := Dial(path).SignInOpenID(ctx, OpenIDRequest{}, func(OpenIDStep) error {
			if client {
				cancel()
				return nil
			}
			go func() { _ = s.Close() }()
			return nil
		})
		if client && !errors.Is(err, context.Canceled) || !client && !strings.Contains(err.Error(), "quitting") {
			t.Errorf("client %v: %v", client, err)
		}
		select {
		case cause := <-ended:
			if !client && !errors.Is(cause, errClosing) {
				t.Errorf("%v", cause)
			}
		case <-time.After(patience):
			t.Errorf("client %v: the sign-in goes on", client)
		}
	}
}

// Without it the daemon says that it knows no such call.
func TestOpenIDWhereThereIsNone(t *testing.T) {
	_, path, _ := serve(t, newDouble())
	if err := Dial(path).ReturnOpenID(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "knows no such call") {
		t.Errorf("%v", err)
	}
}
