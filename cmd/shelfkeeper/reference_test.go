package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docs/cli.md is what the commands say of themselves.
func TestCommandReference(t *testing.T) {
	const file = "../../docs/cli.md"
	root := newRoot(&env{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard})
	root.InitDefaultHelpCmd()
	var b strings.Builder
	b.WriteString("# Commands\n\nEvery command takes `--help`. This page is made from the commands; a test compares it.\n\n" +
		"![what shelfkeeper --help prints](../assets/help.svg)\n")
	describeCommand(&b, root)
	describeJSON(&b)
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(there) != b.String() {
		t.Error("docs/cli.md is not what the commands say: run this test with -update")
	}
}

func describeCommand(b *strings.Builder, c *cobra.Command) {
	if c.Hidden || !c.IsAvailableCommand() && c.HasParent() {
		return
	}
	c.InitDefaultHelpFlag()
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(b, "\n## %s\n\n```\n%s\n```\n\n%s\n", c.CommandPath(), c.UseLine(), fenced(text))
	if c.Example != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", c.Example)
	}
	describeFlags(b, c.NonInheritedFlags())
	for _, sub := range c.Commands() {
		describeCommand(b, sub)
	}
}

// describeJSON lists what --json prints.
func describeJSON(b *strings.Builder) {
	b.WriteString("\n## What --json prints\n\nOne object a line. \"format\" is " + fmt.Sprint(jsonFormat) +
		" in each; it grows when a key goes or " +
		"changes its meaning, and new keys do not change it. A key with ? is there where there is something to say. " +
		"`status --watch`, `logs` and `demo` print several lines.\n\n| command | keys |\n| --- | --- |\n")
	for _, row := range jsonKeys {
		fmt.Fprintf(b, "| %s | %s |\n", row.command, "`"+strings.ReplaceAll(row.keys, " ", "`, `")+"`")
	}
	b.WriteString("\n\"error\" has \"code\", the exit code, \"text\" and, if something helps, \"remedy\". `demo` prints where everything " +
		"is when it is " +
		"ready, and \"counted\" at its end.\n")
}

// fenced puts indented lines of a help text, its examples, into code blocks.
func fenced(text string) string {
	var out []string
	inside := false
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "  ")
		if indented != inside && line != "" {
			out = append(out, "```")
			inside = indented
		}
		out = append(out, line)
	}
	if inside {
		out = append(out, "```")
	}
	return strings.Join(out, "\n")
}

func describeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	rows := ""
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, words := pflag.UnquoteUsage(f)
		flag := "`--" + f.Name
		if f.Shorthand != "" {
			flag = "`-" + f.Shorthand + "`, " + flag
		}
		if name != "" {
			flag += " " + name
		}
		rows += fmt.Sprintf("| %s` | %s |\n", flag, strings.ReplaceAll(words, "|", `\|`))
	})
	if rows != "" {
		b.WriteString("\n| flag | what it does |\n| --- | --- |\n" + rows)
	}
}
