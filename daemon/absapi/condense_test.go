package absapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

// What is read of a large answer is what would be read of a small one.
func TestCondenseKeepsWhatIsRead(t *testing.T) {
	access, refresh := mintPair("u1")
	whole := strings.TrimSuffix(sessionBody("u1", access, refresh), "}") +
		`,"more":{"user":{"id":"other"},"list":[{"a":[1,2,{"b":null}]},"x",1e9,true]},"userDefaultLibraryId":null}`
	small, err := condense(strings.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	a, v, why := decodeSession([]byte(whole), "")
	b, w, _ := decodeSession(small, "")
	if v != Accepted || w != Accepted || !reflect.DeepEqual(a, b) {
		t.Errorf("%v (%s), %v\n%s", v, why, w, small)
	}
	for _, bad := range []string{"", "[]", "1", "{", whole[:len(whole)-1], whole + "x", whole + "{}", `{"user":{"id":]}}`} {
		if out, err := condense(strings.NewReader(bad)); err == nil {
			t.Errorf("%.40q became %s", bad, out)
		}
	}
}

func FuzzCondense(f *testing.F) {
	f.Add(`{"user":{"id":"u","progress":[{"x":1}]},"serverSettings":{"version":"2"}}`)
	f.Add(`{"user":[{"id":1}],"id":"x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		small, err := condense(strings.NewReader(text))
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) || !json.Valid(small) {
			t.Errorf("%q became %q", text, small)
		}
	})
}

// An answer to a sign-in that is of no use names the session that it began, in
// its body or in ABS's cookie. Only a refresh token is taken for one.
func TestLeftoverOfASignIn(t *testing.T) {
	access, refresh := mintPair("u1")
	_, other := mintPair("u2")
	status := reply200(`{"app":"audiobookshelf","serverVersion":"2.36.0","isInit":true,"authMethods":["local"]}`)
	answers := func(code int, body, cookie string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			if cookie != "" {
				w.Header().Add("Set-Cookie", "refresh_token="+cookie+"; Path=/; HttpOnly")
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	for _, c := range []struct {
		desc, body, cookie string
		code               int
		want               string
	}{
		{"x-return-tokens is stripped", `{"user":{"id":"u1","username":"n","token":"t"}}`, refresh, 200, refresh},
		{"the access token does not decode", `{"user":{"id":"u1","accessToken":"x","refreshToken":"` + refresh + `"}}`, "", 200, refresh},
		{"the tokens are another user's", sessionBody("u1", access, other), "", 200, other},
		{"a page", "<html>", "", 200, ""},
		{"a gateway's cookie of that name", `{"user":{"id":"u1"}}`, "gateway", 200, ""},
		{"an access token in the cookie", `{"user":{"id":"u1"}}`, access, 200, ""},
		{"a refusal", "Unauthorized", refresh, 401, ""},
	} {
		s := newSite(t, map[string]http.HandlerFunc{"GET /status": status, "POST /login": answers(c.code, c.body, c.cookie)})
		_, err := s.client(t, "").Login(t.Context(), "n", redact.New("pw"))
		if e := asError(t, err); e.Leftover.Reveal() != c.want {
			t.Errorf("%s: %v, want one: %v", c.desc, e, c.want != "")
		}
	}
}
