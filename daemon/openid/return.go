package openid

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"shelfkeeper/daemon/redact"
)

// Why an address is not the one that the flow waits for. The flow goes on
// waiting.
var (
	// ErrNotReturn: the address is none that a sign-in ends at.
	ErrNotReturn = errors.New("this is not the address at which the sign-in ends")
	// ErrForeign: it belongs to another sign-in: an old one, or one that
	// somebody else wants this program to finish for them.
	ErrForeign = errors.New("this address belongs to another sign-in than the one that waits here")
	// ErrReplayed: it was brought before.
	ErrReplayed = errors.New("this address was used already")
)

// maxReturn bounds what is read of an address; codes of providers are below 2 kB.
const maxReturn = 16 << 10

// comeback is what the last address of a sign-in says.
type comeback struct {
	state, code string
	denied      string // why the provider gave no code; "" if it did
}

// parse reads the address at which a browser ended up, or the query alone. The
// server's own address one redirect earlier holds the same query.
func parse(address string) (comeback, error) {
	address = strings.TrimSpace(address)
	if len(address) > maxReturn {
		return comeback{}, ErrNotReturn
	}
	_, query, found := strings.Cut(address, "?")
	if !found {
		query = address
	}
	query, _, _ = strings.Cut(query, "#")
	values, err := url.ParseQuery(query)
	if err != nil || len(values["state"]) != 1 || len(values["code"]) > 1 || values.Get("state") == "" {
		return comeback{}, ErrNotReturn
	}
	c := comeback{state: values.Get("state"), code: values.Get("code")}
	switch why := values.Get("error"); {
	case why != "":
		c.denied = plain(why)
		if more := values.Get("error_description"); more != "" {
			c.denied = plain(why + ": " + more)
		}
	case c.code == "", c.code == "undefined":
		// Releases up to 2.36.0 hand on a code that did not come as JavaScript
		// writes it, and the provider's reason not at all (abs:
		// server/auth/OidcAuthStrategy.js, handleMobileRedirect).
		c.denied = "it sent nobody back, as after a click on Cancel"
	}
	return c, nil
}

// plain makes a provider's words fit for one line.
func plain(s string) string {
	s = redact.Text(strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " "))
	if r := []rune(s); len(r) > 160 {
		s = string(r[:159]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
