package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxArgument bounds an argument: no address, name or path is as long.
const maxArgument = 4096

// checkArguments makes an argument a mistake that no command can mean: an empty
// one, one that is not text, an endless one. An empty one is a variable of a script
// that was not set, and elsewhere no name stands for the only account: it must not
// be that one which is removed.
func checkArguments(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if slices.Contains(args, "") {
				return usage(c, fmt.Errorf("%s got an empty argument", c.Name()))
			}
			for _, arg := range args {
				if why := unusual(arg); why != "" && !c.Hidden && !takesPath[c.Name()] {
					return usage(c, fmt.Errorf("the argument %q %s", shortened(arg), why))
				}
			}
			if err := checkFlags(c); err != nil {
				return usage(c, err)
			}
			return check(c, args)
		}
	}
	for _, sub := range c.Commands() {
		checkArguments(sub)
	}
}

// checkFlags looks at the texts that flags were given.
func checkFlags(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			value = strings.Join(list.GetSlice(), " ")
		}
		if f.Value.Type() == "bool" || err != nil {
			return
		}
		switch kind, _ := pflag.UnquoteUsage(f); {
		case value == "" && f.Name == "account":
			err = fmt.Errorf("--account got an empty name")
		case value == "" && (kind == "path" || kind == "file"):
			err = fmt.Errorf("--%s got an empty path", f.Name)
		case value == "" && mayNotBeEmpty[f.Name]:
			err = fmt.Errorf("--%s got nothing", f.Name)
		case kind == "path" || kind == "file":
		default:
			if why := unusual(value); why != "" {
				err = fmt.Errorf("--%s: %q %s", f.Name, shortened(value), why)
			}
		}
	})
	return err
}

// mayNotBeEmpty are flags of which an empty value is a script's missing variable.
var mayNotBeEmpty = map[string]bool{"username": true, "store": true, "until": true, "since": true, "scope": true, "listen": true,
	"gateway": true, "basic": true, "pin": true, "proxy": true, "user-agent": true, "rate": true, "player": true, "format": true}

// takesPath are commands whose argument is a path, which may be any bytes.
var takesPath = map[string]bool{"report": true}

// unusual says why a text is none that a person types.
func unusual(s string) string {
	switch {
	case len(s) > maxArgument:
		return fmt.Sprintf("is longer than %d bytes", maxArgument)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, func(r rune) bool { return r == '\n' || r == '\t' || steers(r) }):
		return "has a control character"
	}
	return ""
}
