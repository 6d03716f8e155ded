package accounts

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckName(t *testing.T) {
	for _, ok := range []string{"a", "0", "home", "abs-example-bob", "console", "com10", "con-1", "nul-", strings.Repeat("a", 32)} {
		if err := CheckName(ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"", "-a", "A", "a b", "a.b", "a/b", `a\b`, "..", "a:b", "a\n", "é", "a_b", "con", "prn", "aux", "nul", "com0", "com1",
		"lpt9", strings.Repeat("a", 33),
	} {
		if err := CheckName(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestDeriveName(t *testing.T) {
	for _, c := range []struct{ desc, server, user, taken, want string }{
		{"plain", "https://abs.example.com", "demo", "", "abs-example-com-demo"},
		{"www and path", "https://www.Example.com/audiobookshelf", "Bob", "", "example-com-bob"},
		{"address and port", "http://192.168.1.5:13378", "demo", "", "192-168-1-5-demo"},
		{"IPv6", "http://[fd00::1]:13378", "demo", "", "fd00-1-demo"},
		{"mail as a name", "http://nas", "bob@example.com", "", "nas-bob-example-com"},
		{"nothing usable in the user", "http://nas", "用户", "", "nas"},
		{"nothing usable at all", "http://书", "用户", "", "account"},
		{"a device", "http://con", "", "", "con-2"},
		{"taken", "http://nas", "bob", "nas-bob", "nas-bob-2"},
		{"taken twice", "http://nas", "bob", "nas-bob nas-bob-2", "nas-bob-3"},
		{"long host", "https://audiobooks.some.very.long.example.com", "demo", "", "audiobooks-some-very-long-e-demo"},
		{"long and taken", "https://audiobooks.some.very.long.example.com", "demo", "audiobooks-some-very-long-e-demo",
			"audiobooks-some-very-long-e-de-2"},
		{"long user", "https://nas", "a-user-with-a-very-long-name", "", "nas-a-user-with-a-ve"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			got := deriveName(c.server, c.user, func(name string) bool {
				return c.taken != "" && strings.Contains(" "+c.taken+" ", " "+name+" ")
			})
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDerivedNamesAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		server := rapid.OneOf(rapid.String(), rapid.StringMatching(`https?://[a-z0-9.-]{0,60}(:1)?`)).Draw(t, "server")
		user, refuse := rapid.String().Draw(t, "user"), rapid.IntRange(0, 12).Draw(t, "taken")
		name := deriveName(server, user, func(string) bool { refuse--; return refuse >= 0 })
		if err := CheckName(name); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNextPortIsNeverThePage(t *testing.T) {
	var list []Account
	for port := 13381; port <= 65535; port++ {
		list = append(list, Account{Port: port})
	}
	for _, c := range []struct{ first, want int }{{0, 13379}, {13379, 13379}, {13380, 0}, {13381, 0}, {80, 80}} {
		if got := nextPort(list, c.first, nil); got != c.want {
			t.Errorf("first %d: got %d, want %d", c.first, got, c.want)
		}
	}
	if got := nextPort(nil, StatusPort, nil); got != 13381 {
		t.Errorf("got %d", got)
	}
}
