package absapi

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// recorded is what servers 2.26.3 and 2.36.0 answered, each distinct shape of
// a refusal once, and the accepted answers of the questions this package asks.
type recorded struct {
	Refused []struct {
		Case, Method, Path, Body string
		Releases                 []string
		Status                   int
		Header                   map[string]string
	}
	Accepted []struct {
		Case, Release, Op string
		Header            map[string]string
		Body              json.RawMessage
		Tokens            map[string]json.RawMessage // placeholder in Body -> claims
	}
}

func load(t testing.TB) recorded {
	t.Helper()
	body, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Refused) < 80 || len(r.Accepted) < 18 {
		t.Fatalf("only %d refused and %d accepted answers", len(r.Refused), len(r.Accepted))
	}
	return r
}

func headerOf(m map[string]string) http.Header {
	h := http.Header{}
	for k, v := range m {
		h.Set(k, v)
	}
	return h
}

// own holds the verdict on each recorded refusal by the operation it answers.
var own = map[string]struct {
	op   op
	want Verdict
}{
	"login/before-init":           {opLogin, PasswordRejected}, // why Login asks /status first
	"login/empty-object":          {opLogin, BadRequest},
	"login/malformed-json":        {opLogin, BadRequest},
	"login/get":                   {opLogin, Temporary},
	"limiter/3-login-bad":         {opLogin, PasswordRejected},
	"limiter/6-login-429":         {opLogin, RateLimited},
	"oidc/local-off/login":        {opLogin, Temporary},
	"basepath/prefixed/web-login": {opLogin, Temporary},
	"refresh/reuse-immediately":   {opRefresh, RefreshInvalid},
	"refresh/none":                {opRefresh, HeaderEaten},
	"refresh/access-as-refresh":   {opRefresh, HeaderEaten},
	"refresh/get":                 {opRefresh, Temporary},
	"admin/disable/refresh":       {opRefresh, UserInactive},
	"refresh-expiry/old-token-in-grace-but-jwt-expired": {opRefresh, RefreshExpired},
	"limiter/4-refresh-bad":                             {opRefresh, RefreshInvalid},
	"limiter/7-refresh-429":                             {opRefresh, RateLimited},
	"basepath/prefixed/refresh-none":                    {opRefresh, HeaderEaten},
	"extra/refresh-malformed-body":                      {opRefresh, BadRequest},
	"extra/huge-header":                                 {opRefresh, BadRequest},
	"bearer/me/none":                                    {opMe, TokenRejected},
	"extra/options":                                     {opMe, TokenRejected},
	"basepath/prefixed/me-none":                         {opMe, TokenRejected},
}

func TestRecordedRefusals(t *testing.T) {
	judged := 0
	for _, c := range load(t).Refused {
		t.Run(c.Case, func(t *testing.T) {
			a := reply{status: c.Status, header: headerOf(c.Header), body: []byte(c.Body)}
			if want, ok := own[c.Case]; ok {
				judged++
				if v, evidence := classify(want.op, a); v != want.want || evidence == "" {
					t.Errorf("%s: %v (%s), want %v", want.op, v, evidence, want.want)
				}
			} else if p := strings.TrimPrefix(c.Path, "/audiobookshelf"); p == "/login" || p == "/auth/refresh" || p == "/api/me" {
				t.Errorf("no verdict is expected for this answer of %s", c.Path)
			}
			// Whatever was asked: a rejection needs this operation's own shape.
			for _, o := range []op{opPing, opStatus, opLogin, opRefresh, opLogout, opMe} {
				v, _ := classify(o, a)
				authentic := c.Status == 401 && (o == opRefresh && strings.HasPrefix(c.Body, `{"error":`) ||
					(o == opLogin || o == opMe) && c.Body == "Unauthorized")
				if v.IsRejection() && !authentic || v == Accepted || c.Status == 429 && v != RateLimited {
					t.Errorf("%s: %v", o, v)
				}
			}
		})
	}
	if judged != len(own) {
		t.Errorf("%d of %d expected verdicts met an answer", judged, len(own))
	}
}

func TestRecordedAnswers(t *testing.T) {
	ops := map[string]op{"ping": opPing, "status": opStatus, "login": opLogin, "refresh": opRefresh, "logout": opLogout, "me": opMe}
	for _, c := range load(t).Accepted {
		t.Run(c.Release+"/"+c.Case, func(t *testing.T) {
			body := string(c.Body)
			for placeholder, payload := range c.Tokens {
				body = strings.ReplaceAll(body, placeholder, mint(payload))
			}
			a := reply{status: 200, header: headerOf(c.Header), body: []byte(body)}
			for _, o := range ops {
				v, evidence := classify(o, a)
				same := o == ops[c.Op] || c.Op == "login" && o == opRefresh || c.Op == "refresh" && o == opLogin
				if (v == Accepted) != same || v.IsRejection() {
					t.Errorf("%s: %v (%s)", o, v, evidence)
				}
			}
			switch c.Op {
			case "login", "refresh":
				checkSession(t, c.Release, []byte(body))
			case "status":
				s, _ := decodeStatus(a.body)
				if s.Version != c.Release || s.Initialised != (c.Case != "status/before-init") || len(s.AuthMethods) == 0 {
					t.Errorf("status %+v", s)
				}
				v, _ := s.refusesPassword()
				want := map[string]Verdict{"status/before-init": NotInitialised, "oidc/local-off/status": PasswordLoginOff}[c.Case]
				if want == 0 {
					want = Accepted
				}
				if v != want {
					t.Errorf("password: %v, want %v", v, want)
				}
			}
		})
	}
}

func checkSession(t *testing.T, release string, body []byte) {
	t.Helper()
	s, _, _ := decodeSession(body, "")
	access, refresh := time.Hour, 30*24*time.Hour
	if release == "2.26.3" {
		access, refresh = 12*time.Hour, 7*24*time.Hour
	}
	if lifetime(s.Pair.Access) != access || lifetime(s.Pair.Refresh) != refresh {
		t.Errorf("lifetimes %v and %v", lifetime(s.Pair.Access), lifetime(s.Pair.Refresh))
	}
	if (s.Pair.Access.ID != "") != !CollidesInSecond(release) {
		t.Errorf("jti %q on %s", s.Pair.Access.ID, release)
	}
	if s.UserID == "" || s.Username != "alice" || s.ServerVersion != release || s.Legacy.IsEmpty() || s.Pair.Refresh.UserID != s.UserID {
		t.Errorf("answer %+v", s)
	}
}
