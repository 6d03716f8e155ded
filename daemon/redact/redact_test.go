package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

const jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOiJ4In0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"

// A secret must not show however deep it lies and whatever prints it; the
// unexported field is the case in which fmt calls no method.
func TestSecretNeverPrints(t *testing.T) {
	type holder struct {
		Open   Secret
		hidden Secret
		list   []Secret
		m      map[string]Secret
		p      *Secret
	}
	s := New("hunter2-and-more")
	h := holder{Open: s, hidden: s, list: []Secret{s}, m: map[string]Secret{"k": s}, p: &s}

	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
	}
	var log bytes.Buffer
	for _, l := range []*slog.Logger{slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))} {
		l.Info("x", "secret", s, "holder", h, "pointer", &h, slog.Group("g", "s", s))
	}
	body, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	all := out.String() + log.String() + string(body) + fmt.Errorf("wrapped: %v", h).Error()
	for _, leak := range []string{"hunter2", "68756e74", "[104 117"} {
		if strings.Contains(all, leak) {
			t.Errorf("secret leaks as %q in:\n%s", leak, all)
		}
	}
	if !strings.Contains(string(body), Redacted) {
		t.Errorf("json shows %s, want %s in it", body, Redacted)
	}
}

func TestSecretCompares(t *testing.T) {
	a, b := New("one"), New("o"+"ne")
	if a != b || a == New("two") {
		t.Error("secrets must compare by value")
	}
	if !a.Matches("one") || a.Matches("One") || a.Matches("") {
		t.Error("Matches is wrong")
	}
	if New("").Matches("") || !New("").IsEmpty() || New("") != (Secret{}) {
		t.Error("the empty secret matches nothing and is the zero value")
	}
	if a.Reveal() != "one" || New("").Reveal() != "" || New("").String() != "" {
		t.Error("Reveal or String is wrong")
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ desc, in, want string }{
		{"bare JWT", "token " + jwt + " refused", "token [redacted] refused"},
		{"unsigned JWT", "x eyJhbGciOiJub25lIn0.eyJhIjoxfQ. y", "x [redacted] y"},
		{"query", "Get \"http://h/x?token=sk_abc&y=1\": EOF", "Get \"http://h/x?token=[redacted]&y=1\": EOF"},
		{"other names", "?refreshToken=a&access_token=b&code=c", "?refreshToken=[redacted]&access_token=[redacted]&code=[redacted]"},
		{"user info", "dial https://bob:pw@host/x", "dial https://[redacted]@host/x"},
		{"nothing", "connection refused", "connection refused"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			if got := Text(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestURL(t *testing.T) {
	u, _ := url.Parse("https://bob:pw@abs.example/api/items/1?token=x#" + jwt)
	if got := URL(u); got != "https://abs.example/api/items/1" {
		t.Errorf("got %q", got)
	}
	if URL(nil) != "" {
		t.Error("nil address")
	}
}

func TestErrorKeepsTheChain(t *testing.T) {
	err := Error(fmt.Errorf("open %s: %w", jwt, fs.ErrNotExist))
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "eyJ") {
		t.Errorf("got %v", err)
	}
	if Error(nil) != nil {
		t.Error("nil must stay nil")
	}
}

func FuzzText(f *testing.F) {
	f.Add("a " + jwt)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(Text(s+" "+jwt+" "+s), jwt) {
			t.Errorf("token survives in %q", s)
		}
	})
}
