package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// maxWords is how long a sentence may be. A reader keeps about that much in
// mind until the full stop.
const maxWords = 30

// No sentence that a person reads is longer than maxWords: in README, docs
// (docs/cli.md holds the help texts, docs/troubleshooting.md what status says),
// in the texts of the status page and in package comments.
func TestSentencesAreShort(t *testing.T) {
	read := 0
	check := func(where, sentence string) {
		read++
		if n := countWords(sentence); n > maxWords {
			t.Errorf("%s: %d words: %s", where, n, sentence)
		}
	}
	for _, page := range pages(t) {
		for _, p := range paragraphs(readFile(t, page)) {
			for _, s := range sentences(p.text) {
				check(fmt.Sprintf("%s:%d", page, p.line), s)
			}
		}
	}
	for n, line := range strings.Split(readFile(t, pageTexts), "\n") {
		if _, words, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(line, "#") {
			for _, s := range sentences(words) {
				check(fmt.Sprintf("%s:%d", pageTexts, n+1), s)
			}
		}
	}
	for _, c := range packageComments(t) {
		for _, p := range paragraphs(c.text) {
			for _, s := range sentences(p.text) {
				check(c.dir, s)
			}
		}
	}
	if read < 2000 {
		t.Errorf("only %d sentences read: the texts are somewhere else", read)
	}
}

// Every package says in its first sentence what it is.
func TestPackageComments(t *testing.T) {
	for _, c := range packageComments(t) {
		first, _, _ := strings.Cut(c.text, "\n\n")
		want := []string{"Package " + c.name + " "}
		if base := filepath.Base(c.dir); c.name == "main" {
			want = []string{strings.ToUpper(base[:1]) + base[1:] + " ", "Command " + base + " "}
		}
		if !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(c.text, w) }) {
			t.Errorf("%s: its comment begins %q, not one of %q", c.dir, first, want)
		}
	}
}

// The measure itself.
func TestSentences(t *testing.T) {
	text := "# A heading\n\nOne two `three four` five. Six [seven eight](a/b.md): nine,\nten!\n\n" +
		"| a cell of five words | b. |\n| --- | --- |\n\n- item one\n- item two\n  goes on\n\n```\nnot. prose\n```\nlast 1.5 words"
	var got []string
	for _, p := range paragraphs(text) {
		for _, s := range sentences(p.text) {
			got = append(got, fmt.Sprintf("%d %d %s", p.line, countWords(s), s))
		}
	}
	want := []string{"1 2 A heading", "3 4 One two `three four` five.", "3 5 Six [seven eight](a/b.md): nine, ten!",
		"6 5 a cell of five words", "6 1 b.", "9 2 item one", "10 4 item two goes on", "16 3 last 1.5 words"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

const pageTexts = "../assets/page/english.txt"

// pages are the documents of the project.
func pages(t *testing.T) []string {
	t.Helper()
	inside, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	above, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(inside) < 10 || len(above) < 4 {
		t.Fatalf("only %v and %v: the documentation is somewhere else", inside, above)
	}
	return append(above, inside...)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

type paragraph struct {
	line int
	text string
}

var (
	listItem  = regexp.MustCompile(`^\s*([-*+]|\d+\.)\s+`)
	headLine  = regexp.MustCompile(`^#+ `)
	tableRule = regexp.MustCompile(`^\|[\s:|-]+\|$`)
)

// paragraphs are the running texts of a Markdown page: paragraphs, items of
// lists, headings and cells of tables, without blocks of code.
func paragraphs(page string) []paragraph {
	var found []paragraph
	open, code := false, false
	for n, line := range strings.Split(page, "\n") {
		begin := func(text string) {
			found = append(found, paragraph{n + 1, strings.TrimSpace(text)})
		}
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "```"):
			code, open = !code, false
		case code:
		case trimmed == "" || tableRule.MatchString(trimmed) || strings.HasPrefix(trimmed, "<!--"):
			open = false
		case headLine.MatchString(trimmed):
			begin(headLine.ReplaceAllString(trimmed, ""))
			open = false
		case strings.HasPrefix(trimmed, "|"):
			row := strings.ReplaceAll(strings.Trim(trimmed, "|"), `\|`, " ")
			for _, cell := range strings.Split(strings.ReplaceAll(row, "<br>", "|"), "|") {
				begin(cell)
			}
			open = false
		case listItem.MatchString(line):
			begin(listItem.ReplaceAllString(line, ""))
			open = true
		case open:
			found[len(found)-1].text += " " + trimmed
		default:
			begin(trimmed)
			open = true
		}
	}
	return slices.DeleteFunc(found, func(p paragraph) bool { return p.text == "" })
}

var (
	codeSpan    = regexp.MustCompile("`[^`]+`")
	linkTarget  = regexp.MustCompile(`\]\([^)]*\)`)
	htmlElement = regexp.MustCompile(`<[^>]*>`)
	sentenceEnd = regexp.MustCompile(`[.!?]["'”*)\]]*\s+`)
)

// sentences splits running text after each full stop.
func sentences(text string) []string {
	var out []string
	for {
		at := sentenceEnd.FindStringIndex(text)
		if at == nil {
			break
		}
		out = append(out, strings.TrimSpace(text[:at[1]]))
		text = text[at[1]:]
	}
	if strings.TrimSpace(text) != "" {
		out = append(out, strings.TrimSpace(text))
	}
	return out
}

// countWords counts what a reader reads as a word: a span of code and the place
// of a value are one, the target of a link is none.
func countWords(sentence string) int {
	plain := codeSpan.ReplaceAllString(sentence, "code")
	plain = htmlElement.ReplaceAllString(linkTarget.ReplaceAllString(plain, "]"), " ")
	n := 0
	for _, word := range strings.Fields(plain) {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			n++
		}
	}
	return n
}

type packageComment struct{ dir, name, text string }

// packageComments reads the comment of each package of the project. A package
// whose files hold nothing but tests needs none.
func packageComments(t *testing.T) []packageComment {
	t.Helper()
	found := map[string]*packageComment{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		c := found[dir]
		if c == nil {
			c = &packageComment{dir: dir, name: file.Name.Name}
			found[dir] = c
		}
		if text := docOf(file); text != "" {
			if c.text != "" {
				t.Errorf("%s: two files hold a package comment", dir)
			}
			c.text = text
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []packageComment
	for _, c := range found {
		if c.text == "" {
			t.Errorf("%s: package %s has no comment", c.dir, c.name)
		}
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b packageComment) int { return strings.Compare(a.dir, b.dir) })
	if len(all) < 50 {
		t.Errorf("only %d packages read", len(all))
	}
	return all
}

func docOf(f *ast.File) string {
	if f.Doc == nil {
		return ""
	}
	return strings.TrimSpace(f.Doc.Text())
}
