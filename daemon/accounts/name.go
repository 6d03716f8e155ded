package accounts

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// maxName keeps a name readable in a menu and short within file names and
// keychain keys.
const maxName = 32

var (
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	// Windows takes these for devices, whatever ending follows.
	devicePattern = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])$`)
	notInName     = regexp.MustCompile(`[^a-z0-9]+`)
)

// CheckName returns nil for a name that can be a file name and a keychain key
// on every system: lower-case letters, digits and hyphens, at most 32,
// beginning with no hyphen, and no device of Windows. Otherwise ErrInvalid.
func CheckName(name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("%w: the name %q must be 1 to %d of a-z, 0-9 and -, and not begin with -", ErrInvalid, name, maxName)
	}
	if devicePattern.MatchString(name) {
		return fmt.Errorf("%w: the name %q belongs to a device on Windows", ErrInvalid, name)
	}
	return nil
}

// deriveName makes a valid name from the server's host and the user, which
// taken does not report. The host gives way when both are long, since users of
// one server are told apart by what remains.
func deriveName(server, username string, taken func(string) bool) string {
	host := ""
	if u, err := url.Parse(server); err == nil {
		host = strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	}
	host, user := squeeze(host), squeeze(username)
	const maxUser = maxName / 2
	user = cut(user, maxUser)
	if user != "" {
		host = cut(host, maxName-1-len(user))
	}
	base := cut(strings.Trim(host+"-"+user, "-"), maxName)
	if base == "" {
		base = "account"
	}
	name := base
	for n := 2; CheckName(name) != nil || taken(name); n++ {
		suffix := "-" + strconv.Itoa(n)
		name = cut(base, maxName-len(suffix)) + suffix
	}
	return name
}

// squeeze keeps what a name may hold and puts one hyphen for each run of
// anything else.
func squeeze(s string) string {
	return strings.Trim(notInName.ReplaceAllString(strings.ToLower(s), "-"), "-")
}

func cut(s string, n int) string {
	return strings.TrimRight(s[:min(n, len(s))], "-")
}
