package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/problem"
)

func TestBodies(t *testing.T) {
	d := newDouble()
	calls := 0
	d.reauth = func(context.Context, string) error { calls++; return nil }
	_, path, _ := serve(t, d)
	for _, c := range []struct {
		desc, body string
		want       int
	}{
		{"whole", `{"account":"a"}`, 200},
		{"default account", `{}`, 200},
		{"unknown field", `{"account":"a","acount":"b"}`, 400},
		{"wrong type", `{"account":5}`, 400},
		{"two values", `{} {}`, 400},
		{"broken end", `{}]`, 400},
		{"list", `[]`, 400},
		{"empty", ``, 400},
		{"cut", `{"account":"a`, 400},
		{"just within the limit", `{"account":"` + strings.Repeat("x", bodyLimit-14) + `"}`, 200},
		{"beyond the limit", `{"account":"` + strings.Repeat("x", bodyLimit-13) + `"}`, 413},
	} {
		t.Run(c.desc, func(t *testing.T) {
			before := calls
			raw := fmt.Sprintf("POST /v1/reauth HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", goodHead,
				len(c.body), c.body)
			resp, p := exchange(t, path, raw)
			if resp.StatusCode != c.want || (calls-before == 1) != (c.want == 200) {
				t.Errorf("got %s %+v, %d calls", resp.Status, p, calls-before)
			}
		})
	}
}

// deadlines notes the read deadlines that a handler sets.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error { d.set = append(d.set, at); return nil }

// net/http ends a request's context when its watch on the connection times
// out, so a deadline left behind would cancel every sign-in that takes longer.
func TestBodyDeadlineIsLifted(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	if no := receive(w, httptest.NewRequest("POST", "/", strings.NewReader("{}")), &accountWire{}); no != nil {
		t.Fatal(no.reason)
	}
	if len(w.set) != 2 || w.set[0].IsZero() || !w.set[1].IsZero() {
		t.Errorf("deadlines %v", w.set)
	}
}

// A body that names a password in an unexpected place is not quoted.
func TestRefusedBodyIsNotQuoted(t *testing.T) {
	_, path, log := serve(t, newDouble())
	for _, body := range []string{`{"password":8675309}`, `{"hunter2":1}`, `hunter2`} {
		raw := fmt.Sprintf("POST /v1/login HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", goodHead, len(body),
			body)
		_, p := exchange(t, path, raw)
		if said := p.Text + p.Remedy + log.String(); p.Text == "" || strings.Contains(said, "8675309") || strings.Contains(said, "hunter2") {
			t.Errorf("got %q", said)
		}
	}
}

// Whatever the body, the answer is a success or a problem, the daemon sees
// only what a decoder that knows these fields alone would see, and nothing of
// a refused body comes back.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"server":"abs.example","username":"u","password":"p","keep":true,"allow_http":false,"store":"file"}`,
		`{"account":"a"}`, `{}`, `null`, `{"password":{}}`, `{"password":"\ud800"}`, `[`, "\xff", `{"a":1}{"b":2}`,
	} {
		for i := range 5 {
			f.Add(i, []byte(seed))
		}
	}
	calls := []string{callReauth, callLogin, callLogout, callPassword, callQuit}
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		var signedIn *SignInRequest
		d := newDouble()
		d.signIn = func(_ context.Context, in SignInRequest) (SignInAnswer, error) {
			signedIn = &in
			return SignInAnswer{Grant: "g"}, nil
		}
		method, path, _ := strings.Cut(calls[uint(which)%uint(len(calls))], " ")
		r := httptest.NewRequest(method, path, bytes.NewReader(body))
		r.Host = hostName
		r.Header.Set(versionHeader, "1")
		r.Header.Set("Content-Type", jsonType)
		r = r.WithContext(context.WithValue(r.Context(), peerKey{}, peer{unsupported: true}))
		w := httptest.NewRecorder()
		s := &Server{log: slog.New(slog.DiscardHandler)}
		s.guarded(routes(d, s.log)).ServeHTTP(w, r)

		if w.Code == http.StatusOK {
			if !json.Valid(body) {
				t.Fatalf("took %q", body)
			}
			if path == "/v1/login" {
				var plain struct{ Password string }
				if err := json.Unmarshal(body, &plain); err != nil || signedIn == nil || signedIn.Password.Reveal() != plain.Password {
					t.Fatalf("password changed on the way: %q", body)
				}
			}
			return
		}
		var p problem.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Text == "" || p.Code == problem.OK || w.Code >= 500 {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		if signedIn != nil || d.asked() != 0 {
			t.Fatalf("acted on a refused body %q", body)
		}
	})
}
