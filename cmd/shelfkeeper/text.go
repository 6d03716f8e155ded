package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"shelfkeeper/daemon/desktop/autostart"
)

// textWriter is stdout or stderr for a person. What comes from a server, a player
// or the command line cannot steer the terminal through it, a locale without UTF-8
// gets plain letters, and commands stand there as they work here.
type textWriter struct {
	out   io.Writer
	ascii bool
	self  func() string // the program as it is called here
}

// ourColours are the only sequences that reach a terminal.
var ourColours = regexp.MustCompile("^\x1b\\[(?:0|3[0-7])m")

// ours are the marks beyond ASCII that our texts have.
var ours = strings.NewReplacer("→", "->", "…", "...", "–", "-", "‘", "'", "’", "'", "“", `"`, "”", `"`, "×", "x", "·", "-")

func (w *textWriter) Write(p []byte) (int, error) {
	text := printable(string(p))
	if w.self != nil {
		if self := w.self(); self != "shelfkeeper" {
			text = strings.ReplaceAll(text, "`shelfkeeper ", "`"+self+" ")
		}
	}
	if w.ascii {
		text = ours.Replace(text)
	}
	if _, err := io.WriteString(w.out, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Stat is that of the file behind it. The log asks whether it is the system's journal.
func (w *textWriter) Stat() (os.FileInfo, error) {
	if f, ok := w.out.(*os.File); ok {
		return f.Stat()
	}
	return nil, errors.New("no file")
}

// file returns the file behind a stream, if there is one.
func file(w any) (*os.File, bool) {
	if t, ok := w.(*textWriter); ok {
		w = t.out
	}
	f, ok := w.(*os.File)
	return f, ok
}

// unfiltered is a stream for programs: JSON, scripts, a child's stderr.
func unfiltered(w io.Writer) io.Writer {
	if t, ok := w.(*textWriter); ok {
		return t.out
	}
	return w
}

// printable returns a text without what steers a terminal or turns the direction
// of its letters.
func printable(s string) string {
	if !strings.ContainsFunc(s, steers) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == 0x1b {
			if colour := ourColours.FindString(s[i:]); colour != "" {
				b.WriteString(colour)
				i += len(colour)
				continue
			}
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || steers(r) {
			r = '?'
		}
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

func steers(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u2028', r == '\u2029':
		return true
	}
	return unicode.IsControl(r)
}

// asciiOnly reports whether the locale that was asked for lacks UTF-8. Where none
// was asked for, as in a service, UTF-8 is what everything reads.
func asciiOnly(variable func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToUpper(variable(name)); value != "" {
			return !strings.Contains(value, "UTF-8") && !strings.Contains(value, "UTF8")
		}
	}
	return false
}

// selfCalled returns how the program is called from here: by its name where the
// shell finds it, else by its path, and with the global flags that were given.
func (e *env) selfCalled() string {
	self := "shelfkeeper"
	if own, err := os.Executable(); err == nil && !foundByName(own) {
		self = shellWord(autostart.Console(own))
	}
	for _, flag := range []struct{ name, path string }{{"--config", e.config}, {"--control", e.control}} {
		if flag.path != "" {
			self += " " + flag.name + " " + shellWord(flag.path)
		}
	}
	return self
}

// foundByName reports whether a shell that is told "shelfkeeper" starts own.
func foundByName(own string) bool {
	found, err := exec.LookPath("shelfkeeper")
	if err != nil {
		return false
	}
	a, errA := os.Stat(found)
	b, errB := os.Stat(own)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// plainWord is a word that no shell reads in another way.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./~-]+$`)

// shellWord is a word as a person types it in a shell.
func shellWord(s string) string {
	if filepath.Separator == '\\' {
		return windowsWord(s)
	}
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// windowsWord is a word as a person types it in a command prompt.
func windowsWord(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\"&|<>()[]{}^=;!'+,`~%") {
		folder := s[len(strings.TrimRight(s, `\`)):] // a program reads \" as a quote
		return `"` + strings.ReplaceAll(s, `"`, `\"`) + folder + `"`
	}
	return s
}

// width is how many columns a line may have; 0: as many as it needs.
func (e *env) width() int { return widthOf(e.stdout) }

// errWidth is width for stderr.
func (e *env) errWidth() int { return widthOf(e.stderr) }

func widthOf(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return max(n, narrowest)
	}
	if f, ok := file(w); ok && term.IsTerminal(int(f.Fd())) {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return max(n, narrowest)
		}
	}
	return 0
}
