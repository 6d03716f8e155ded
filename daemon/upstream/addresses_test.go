package upstream

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"shelfkeeper/daemon/redact"
)

func urls(t *testing.T, texts ...string) (out []*url.URL) {
	t.Helper()
	for _, s := range texts {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, u)
	}
	return out
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct {
		desc, base string
		list       []string
		trust      bool
		want       string // part of the error; "" for none
	}{
		{"one", "http://abs.lan", nil, false, ""},
		{"two", "https://abs.org", []string{"https://abs.lan", "https://ABS.org/"}, false, ""},
		{"plain http without the user's word", "https://abs.org", []string{"http://abs.lan", "https://abs.org"}, false, "trust_http"},
		{"own plain http without it", "http://abs.lan", []string{"http://abs.lan", "https://abs.org"}, false, "trust_http"},
		{"plain http with it", "https://abs.org", []string{"http://abs.lan", "https://abs.org"}, true, ""},
		{"another path", "https://abs.org/books", []string{"https://abs.lan", "https://abs.org/books"}, false, "same path"},
		{"not the own", "https://abs.org", []string{"https://abs.lan"}, false, "signed in"},
		{"twice", "https://abs.org", []string{"https://abs.org", "https://abs.org"}, false, "twice"},
		{"with a password", "https://abs.org", []string{"https://u:p@abs.org"}, false, "password"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			_, err := New(Policy{Base: urls(t, c.base)[0], Addresses: urls(t, c.list...), TrustHTTP: c.trust})
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Nothing leaves while no address is in use, a probe of plain http carries no
// header of the policy, and what is in use is all that gets requests; answers
// know the base alone.
func TestAddressInUse(t *testing.T) {
	var seen []string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Host+" "+r.URL.Path+" "+r.Header.Get("X-Gate")+r.Header.Get("Authorization"))
		w.Header().Set("Location", "http://"+r.Host+"/next?a=1")
		w.WriteHeader(http.StatusFound)
	})
	one, two := httptest.NewServer(handler), httptest.NewServer(handler)
	defer one.Close()
	defer two.Close()
	list := urls(t, one.URL, two.URL)
	up, err := New(Policy{Base: list[0], Addresses: list, TrustHTTP: true, ProxyURL: "direct",
		Headers: map[string]redact.Secret{"X-Gate": redact.New("key")}})
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	list = up.Addresses()
	ask := func(do func(*http.Request) (*http.Response, error)) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, up.Base().String()+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "+token")
		resp, err := do(r)
		if err != nil {
			return "", err
		}
		return resp.Header.Get("Location"), resp.Body.Close()
	}
	probe := up.Probe(list[1])
	if at, err := ask(probe.Do); err != nil || at != one.URL+"/next?a=1" {
		t.Errorf("probe: %q, %v", at, err)
	}
	probe.Close()
	up.Use(list[1], list[1])
	if at, err := ask(up.Transport().RoundTrip); err != nil || at != one.URL+"/next?a=1" {
		t.Errorf("redirect %q, %v", at, err)
	}
	if got := up.URL("socket.io/").String(); got != two.URL+"/socket.io/" {
		t.Errorf("socket at %s", got)
	}
	private := up.Private()
	defer private.Close()
	if _, err := ask(private.Do); err != nil {
		t.Error(err)
	}
	up.Use(list[0], list[0])
	if _, err := ask(private.Do); !errors.Is(err, ErrSpent) {
		t.Errorf("a private connection to an address that is out of use: %v", err)
	}
	if _, err := ask(up.Transport().RoundTrip); err != nil {
		t.Error(err)
	}
	want := []string{list[1].Host + " /x +token", list[1].Host + " /x key+token", list[1].Host + " /x key+token",
		list[0].Host + " /x key+token"}
	if strings.Join(seen, "|") != strings.Join(want, "|") {
		t.Errorf("seen %q\nwant %q", seen, want)
	}
}

func TestNoAddressInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := urls(t, "https://a.test", "https://b.test")
		up, err := New(Policy{Base: list[0], Addresses: list, ProxyURL: "direct"})
		if err != nil {
			t.Fatal(err)
		}
		defer up.Close()
		private := up.Private()
		defer private.Close()
		for _, do := range []func(*http.Request) (*http.Response, error){up.Transport().RoundTrip, private.Do} {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://a.test/x", nil)
			_, err := do(r)
			var unwritten interface{ Unwritten() bool }
			if !errors.Is(err, ErrUnproven) || !errors.As(err, &unwritten) || !unwritten.Unwritten() {
				t.Errorf("got %v", err)
			}
		}
		if _, err := up.WebsocketDialer().Proxy(&http.Request{URL: list[0]}); !errors.Is(err, ErrUnproven) {
			t.Errorf("websocket: %v", err)
		}
	})
}
