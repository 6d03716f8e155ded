package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"shelfkeeper/daemon/problem"
)

// flagMistake says in plain words what is wrong with a flag. The library's own
// words are those of Go's parsers.
func flagMistake(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	var value *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return usage(c, fmt.Errorf("unknown flag -%s", shortened(unknown.GetSpecifiedName())))
	case errors.As(err, &unknown):
		p := usage(c, fmt.Errorf("unknown flag --%s", shortened(unknown.GetSpecifiedName())))
		if near := nearFlag(c, unknown.GetSpecifiedName()); near != "" {
			p.Remedy = fmt.Sprintf("did you mean `--%s`? Otherwise %s", near, p.Remedy)
		}
		return p
	case errors.As(err, &bare):
		return usage(c, fmt.Errorf("%s needs %s after it", flagTyped(bare.GetFlag()), kindOf(bare.GetFlag())))
	case errors.As(err, &value):
		return usage(c, fmt.Errorf("%s takes %s, not %q", flagTyped(value.GetFlag()), kindOf(value.GetFlag()), shortened(value.GetValue())))
	case errors.As(err, &syntax):
		return usage(c, fmt.Errorf("%q is no flag", shortened(syntax.GetSpecifiedFlag())))
	}
	return usage(c, err)
}

// kindOf says what a flag takes.
func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int", "int64", "uint", "uint64", "count":
		return "a whole number"
	case "bool":
		return "true or false, or nothing"
	case "duration":
		return "a time such as 30s, 5m or 1h30m"
	}
	if f.Name == "log-level" {
		return "debug, info, warn or error"
	}
	if name, _ := pflag.UnquoteUsage(f); name != "" && name != "string" && name != "stringArray" {
		return article(name)
	}
	return "a value"
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// flagTyped is a flag as a person types it.
func flagTyped(f *pflag.Flag) string { return "--" + f.Name }

// nearFlag returns the flag that was meant, most likely.
func nearFlag(c *cobra.Command, typed string) string {
	flags := &cobra.Command{SuggestionsMinimumDistance: slips(typed)}
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	}
	c.Flags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	if near := flags.SuggestionsFor(typed); len(near) > 0 {
		return near[0]
	}
	return ""
}

// decimal is a number as people write it. The library would read 0x1f, and 010 as eight.
type decimal int

// Set implements pflag.Value.
func (d *decimal) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	*d = decimal(n)
	return nil
}

// String implements pflag.Value.
func (d *decimal) String() string { return strconv.Itoa(int(*d)) }

// Type implements pflag.Value.
func (d *decimal) Type() string { return "int" }

// maxEcho is how much of what was typed an error repeats.
const maxEcho = 80

// shortened is a text that was typed, as an error repeats it.
func shortened(s string) string {
	runes := []rune(s)
	if len(runes) <= maxEcho {
		return s
	}
	return string(runes[:maxEcho]) + "…"
}

// fileTrouble says in plain words why a file that a flag names cannot be read.
func fileTrouble(flag, path string, err error) *problem.Problem {
	path = shortened(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem.Newf(problem.Usage, "check the path", "%s: there is no file %s", flag, path)
	case errors.Is(err, fs.ErrPermission):
		return problem.Newf(problem.Usage, "let your user read it, or name another file", "%s: you may not read %s", flag, path)
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return problem.Newf(problem.Usage, "name another file", "%s: %s cannot be read: %w", flag, path, err)
}
