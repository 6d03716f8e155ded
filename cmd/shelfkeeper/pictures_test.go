package main

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"shelfkeeper/daemon/health"
)

// The pictures of the README are what the program prints.
func TestPictures(t *testing.T) {
	t.Parallel()
	p := barePlace(t, []string{"COLUMNS=96"})
	status := p.read(filepath.Join("testdata", "status", "needs-user.txt")) // TestDescribe holds it to the program
	for _, level := range []health.Level{health.OK, health.NeedsUser} {
		shown := regexp.MustCompile(`(?m)^(\S.*(?:, |: ))` + level.String() + `( for.*)?$`)
		status = shown.ReplaceAllString(status, "${1}"+painted(level, true)+"${2}")
	}
	for name, picture := range map[string]string{
		"help.svg":   terminalPicture("shelfkeeper --help", p.ok("", "--help").stdout),
		"status.svg": terminalPicture("shelfkeeper status", folded(status, 96)),
	} {
		path := filepath.Join("..", "..", "assets", name)
		if *update {
			if err := os.WriteFile(path, []byte(picture), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if there, err := os.ReadFile(path); err != nil || string(there) != picture {
			t.Errorf("assets/%s is not what the program prints: run this test with -update (%v)", name, err)
		}
	}
}

var coloured = regexp.MustCompile("\x1b\\[(3[123])m([^\x1b]*)\x1b\\[0m")

// terminalPicture draws a command and its output as a terminal shows them.
func terminalPicture(command, output string) string {
	const advance, height, margin = 7.8, 18, 16 // of 13 px letters
	lines := append([]string{"$ " + command}, strings.Split(strings.TrimRight(output, "\n"), "\n")...)
	widest := 0
	for _, line := range lines {
		widest = max(widest, columns(line))
	}
	width, tall := int(float64(widest)*advance)+2*margin, len(lines)*height+2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n",
		width, tall, width, tall, html.EscapeString(command))
	b.WriteString(`<style>text{font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d7dae0;white-space:pre}` +
		`.k31{fill:#ff7b72}.k32{fill:#7ee787}.k33{fill:#e3b341}.p{fill:#8b949e}</style>` + "\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="#161b22"/>`+"\n", width, tall)
	for i, line := range lines {
		if line == "" {
			continue
		}
		text := coloured.ReplaceAllString(html.EscapeString(line), `<tspan class="k$1">$2</tspan>`)
		if i == 0 {
			text = `<tspan class="p">$</tspan>` + text[1:]
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" xml:space="preserve">%s</text>`+"\n", margin, margin+i*height+13, text)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
