package statuspage

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/accounts"
)

func TestNameless(t *testing.T) {
	all := []accounts.Account{
		{Name: "attic", Server: "https://abs.example.org:8443/audiobookshelf", Username: "alice", UserID: "7f3a-11"},
		{Name: "b", Server: "http://192.168.1.5:13378", Username: "root"},
	}
	for text, want := range map[string]string{
		"https://abs.example.org:8443/audiobookshelf as alice (7f3a-11)": "https://server-1/audiobookshelf as user-1 (userid-1)",
		"lookup abs.example.org: no such host":                           "lookup server-1: no such host",
		"account=attic msg=x":                                            "account=account-1 msg=x",
		"the other is at nas.lan":                                        "the other is at server-1",
		"dial tcp 192.168.1.5:13378: connection refused":                 "dial tcp server-2: connection refused",
		"dial tcp 10.0.0.7:443, then 10.0.0.7, 10.0.0.8":                 "dial tcp machine-1:443, then machine-1, machine-2",
		"dial tcp [2001:db8::1]:443, 2001:db8::1":                        "dial tcp machine-1:443, machine-1",
		"https://other.example.net/x":                                    "https://server-3/x",
		"127.0.0.1:13379 and [::1]:13379 at 17:39:58, v2.36.0":           "127.0.0.1:13379 and [::1]:13379 at 17:39:58, v2.36.0",
		"2026-11-26T17:39:58.123Z":                                       "2026-11-26T17:39:58.123Z",
	} {
		got := nameless(text, all, map[string][]string{"attic": {"http://nas.lan"}}, []string{"https://other.example.net"})
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if strings.Contains(got, "alice") {
			t.Errorf("%q names the user", got)
		}
	}
}
