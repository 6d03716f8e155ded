package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// narrowest is the width below which lines are not broken any further.
const narrowest = 40

// folded breaks the lines of a text that are longer than width. A paragraph with
// such a line is filled anew; in a list the rest of a line stands below its text.
func folded(text string, width int) string {
	if width == 0 {
		return text
	}
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); {
		end := i + 1
		for flows(lines[i]) && end < len(lines) && flows(lines[end]) {
			end++
		}
		paragraph, long := lines[i:end], false
		for _, line := range paragraph {
			long = long || columns(line) > width
		}
		switch {
		case !long:
			for _, line := range paragraph {
				out.WriteString(line + "\n")
			}
		default:
			foldLine(&out, strings.Join(paragraph, " "), width)
		}
		i = end
	}
	return out.String()
}

// flows reports whether a line is a part of a paragraph.
func flows(line string) bool { return line != "" && line[0] != ' ' && line[0] != '\t' }

// listed finds where the text of a line in a list begins: after its first word or
// words and two blanks, or after its mark.
var textOfList = regexp.MustCompile(`^(?: *\S+(?: \S+)* {2,}| *(?:→|->) | +)`)

// unbroken are the pieces of a line that stay whole: words, and commands.
var unbroken = regexp.MustCompile("[^\\s`]*`[^`]*`[^\\s`]*|\\S+")

func foldLine(out *strings.Builder, line string, width int) {
	head := textOfList.FindString(line)
	indent := columns(head)
	if indent > width*2/3 {
		head, indent = line[:len(line)-len(strings.TrimLeft(line, " "))], 4
	}
	at, first := columns(head), true
	out.WriteString(head)
	for _, piece := range unbroken.FindAllString(line[len(head):], -1) {
		n := columns(piece)
		switch {
		case first:
		case at+1+n > width:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			out.WriteByte(' ')
			at++
		}
		out.WriteString(piece)
		at, first = at+n, false
	}
	out.WriteByte('\n')
}

// columns is how wide a line is on a terminal.
func columns(line string) int {
	n := utf8.RuneCountInString(line)
	for _, colour := range regexp.MustCompile("\x1b\\[[0-9]+m").FindAllString(line, -1) {
		n -= len(colour)
	}
	return n
}

// table prints rows in columns, or one below the other where the terminal is too
// narrow for that. The first column names a row.
func (e *env) table(head []string, rows [][]string) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	width, wide := e.width(), false
	for line := range strings.Lines(b.String()) {
		wide = wide || columns(strings.TrimRight(line, " \n")) > width
	}
	if width > 0 && wide {
		b.Reset()
		for _, row := range rows {
			fmt.Fprintln(&b, row[0])
			for i, cell := range row[1:] {
				if cell != "" {
					fmt.Fprintf(&b, "  %-12s  %s\n", strings.ToLower(head[i+1]), cell)
				}
			}
		}
	}
	_, err := io.WriteString(e.stdout, folded(b.String(), width))
	return err
}

// foldHelp fits help to the terminal.
func (e *env) foldHelp(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		width := e.width()
		if width == 0 {
			help(c, args)
			return
		}
		var b bytes.Buffer
		c.SetOut(&b)
		help(c, args)
		c.SetOut(nil)
		if c == root {
			c.SetOut(e.stdout)
		}
		_, _ = io.WriteString(e.stdout, folded(b.String(), width)) // nobody is left to be told
	})
}
