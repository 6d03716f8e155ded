package upstream

import (
	"context"
	"net"
	"net/netip"
	"testing"
)

// book is a resolver with fixed answers.
type book map[string][]string

func (b book) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	texts, ok := b[host]
	if !ok {
		return nil, &net.DNSError{Name: host, IsNotFound: true}
	}
	var out []netip.Addr
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, nil
}

func TestPlainHTTPAllowed(t *testing.T) {
	names := book{
		"nas.lan": {"192.168.1.5"}, "home.example.org": {"10.0.0.2", "fd00::2"}, "mixed.example.org": {"10.0.0.2", "203.0.113.7"},
		"public.example.org": {"203.0.113.7"}, "box": {"198.51.100.3"}, "empty.example.org": {}, "tail.ts.net": {"100.101.102.103"},
		"mapped.example.org": {"::ffff:192.168.0.1"}, "fake.local": {"8.8.8.8"},
	}
	for _, c := range []struct {
		raw  string
		want bool
	}{
		{"https://public.example.org", true},
		{"http://127.0.0.1:13378", true}, {"http://[::1]", true}, {"http://localhost:80", true}, {"http://LOCALHOST.", true},
		{"http://192.168.1.5", true}, {"http://10.1.2.3", true}, {"http://172.31.0.1", true}, {"http://172.32.0.1", false},
		{"http://169.254.3.4", true}, {"http://[fe80::1%25eth0]", true}, {"http://[fd7a:115c:a1e0::1]", true},
		{"http://100.64.0.1", true}, {"http://100.128.0.1", false},
		{"http://[::ffff:10.0.0.1]", true}, {"http://[::ffff:8.8.8.8]", false}, {"http://8.8.8.8", false},
		{"http://[2001:db8::1]", false}, {"http://0.0.0.0", false},
		{"http://nas.lan", true}, {"http://home.example.org", true}, {"http://mixed.example.org", false}, {"http://public.example.org", false},
		{"http://mapped.example.org", true}, {"http://tail.ts.net", true}, {"http://empty.example.org", false},
		{"http://gone.example.org", false},
		{"http://gone.local", true}, {"http://gone.home.arpa", true}, {"http://gone.internal", true},
		{"http://gone", true}, {"http://app.localhost", true},
		{"http://box", false}, {"http://fake.local", false}, {"http://notlocal", true}, {"http://evil-local.example", false},
		{"ftp://192.168.1.5", false}, {"http://", false},
	} {
		ok, why := PlainHTTPAllowed(t.Context(), names, address(t, c.raw))
		if ok != c.want || why == "" {
			t.Errorf("%s: %v (%s)", c.raw, ok, why)
		}
	}
	if ok, _ := PlainHTTPAllowed(t.Context(), names, nil); ok {
		t.Error("nil address")
	}
	var _ Resolver = (*net.Resolver)(nil)
}
