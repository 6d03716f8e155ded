package hostname

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
)

var canonical = map[string]string{
	"ABS.Example:13378": "abs.example:13378", "[FE80::1%Eth0]:80": "[fe80::1%Eth0]:80", "FE80::A%Wi-Fi": "fe80::a%Wi-Fi",
	"[2001:DB8::1]": "[2001:db8::1]", "[2001:DB8::1]:80": "[2001:db8::1]:80", "2001:DB8::1": "2001:db8::1", "": "",
	"Bücher.Example": "xn--bcher-kva.example", "bu\u0308cher.example:8443": "xn--bcher-kva.example:8443",
	"\u4f8b\u3048.\u30c6\u30b9\u30c8": "xn--r8jz45g.xn--zckzah", "стройка.рф": "xn--80ardojfh.xn--p1ai",
	"straße.example": "xn--strae-oqa.example", "xn--bcher-kva.example": "xn--bcher-kva.example", "my_nas": "my_nas", "NAS-1": "nas-1",
}

func TestCanonical(t *testing.T) {
	for host, want := range canonical {
		if got := Canonical(host); got != want || Canonical(got) != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}

// The spelling is the one that net/http dials, so that REST and live socket go to one
// place.
func TestCanonicalIsWhatIsDialled(t *testing.T) {
	for host := range canonical {
		if host == "" || strings.Contains(host, "%") || strings.HasPrefix(host, "2001") {
			continue
		}
		var dialled string
		refused := errors.New("refused")
		transport := &http.Transport{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
			dialled = addr
			return nil, refused
		}}
		r, err := http.NewRequest("GET", "http://"+host+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transport.RoundTrip(r); !errors.Is(err, refused) {
			t.Fatal(err)
		}
		want := Canonical(host)
		if !strings.Contains(strings.TrimPrefix(want, "[2001:db8::1]"), ":") {
			want += ":80"
		}
		if !strings.EqualFold(dialled, want) {
			t.Errorf("%q: %q is dialled, not %q", host, dialled, want)
		}
	}
}

func TestShown(t *testing.T) {
	for address, want := range map[string]string{
		"https://xn--bcher-kva.example/abs": "https://bücher.example/abs", "http://XN--80ardojfh.xn--p1ai:13378": "http://стройка.рф:13378",
		"https://abs.example": "https://abs.example", "": "", "not an address": "not an address",
		"https://b%C3%BCcher.example/abs?x": "https://bücher.example/abs?x", "https://bücher.example": "https://bücher.example",
		"http://[2001:db8::1]:80/xn--x":     "http://[2001:db8::1]:80/xn--x",
		"https://abs.example/xn--bcher-kva": "https://abs.example/xn--bcher-kva",
	} {
		if got := Shown(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

func TestShownName(t *testing.T) {
	for name, want := range map[string]string{"xn--bcher-kva.example": "bücher.example", "abs.example": "abs.example", "": "",
		"xn--a": "xn--a", "2001:db8::1": "2001:db8::1"} {
		if got := ShownName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
