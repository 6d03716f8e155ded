package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"shelfkeeper/daemon/redact"
)

// signInCommand is a sign-in in a remedy: its address, and its flags.
var signInCommand = regexp.MustCompile("`(shelfkeeper login) ([^- `][^ `]*)((?: [^`]*)?)`")

// withGiven returns the remedy of a failed sign-in with the flags that the sign-in had: a
// remedy works as it is printed. Secrets never stand on a command line, so that none is
// repeated.
func withGiven(c *cobra.Command, remedy string) string {
	return signInCommand.ReplaceAllStringFunc(remedy, func(command string) string {
		m := signInCommand.FindStringSubmatch(command)
		address, flags := m[2], m[3]
		if args := c.Flags().Args(); address == "URL" && len(args) == 1 {
			address = typedAgain(redact.Text(args[0]))
		}
		var given strings.Builder
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Changed && !replaces(flags, f.Name) {
				given.WriteString(flagAgain(f))
			}
		})
		return "`" + m[1] + " " + address + given.String() + flags + "`"
	})
}

// ofMethod are the flags that say how a user signs in. A remedy that names no setting
// names another way.
var ofMethod = []string{"oidc", "no-browser", "no-spare", "emergency-key", "username", "password-stdin", "api-key-stdin", "token-stdin"}

// insteadOf are flags that take the place of others.
var insteadOf = map[string][]string{
	"client-cert": {"client-key", "client-p12"}, "client-p12": {"client-cert", "client-key"},
	"basic": {"basic-header", "token-in-url"}, "gateway": {"basic-header"},
}

// replaces reports whether the flags of a remedy speak for a flag that was given.
func replaces(remedy, given string) bool {
	if slices.Contains(ofMethod, given) && strings.TrimSpace(strings.ReplaceAll(remedy, "--oidc", "")) == "" {
		return true
	}
	for _, word := range strings.Fields(remedy) {
		name, isFlag := strings.CutPrefix(word, "--")
		if isFlag && (name == given && given != "header" && given != "for" || slices.Contains(insteadOf[name], given)) {
			return true
		}
	}
	return false
}

// flagAgain is a flag as it is typed.
func flagAgain(f *pflag.Flag) string {
	if f.Value.Type() == "bool" {
		if f.Value.String() == "true" {
			return " --" + f.Name
		}
		return " --" + f.Name + "=false"
	}
	values := []string{f.Value.String()}
	if list, ok := f.Value.(pflag.SliceValue); ok {
		values = list.GetSlice()
	}
	var out strings.Builder
	for _, value := range values {
		if u, err := url.Parse(value); f.Name == "proxy" && (err != nil || u.User != nil) {
			value = "ADDRESS" // a proxy's password may stand in it
		}
		out.WriteString(" --" + f.Name + " " + typedAgain(value))
	}
	return out.String()
}

// typedAgain is a value as a shell takes it. A backtick would end the command in the
// sentence that it stands in.
func typedAgain(value string) string {
	return shellWord(strings.ReplaceAll(redact.Text(value), "`", "?"))
}
