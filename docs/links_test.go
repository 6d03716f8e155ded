package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	docLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	docHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	docNotWord = regexp.MustCompile(`[^\pL\pN _-]`)
)

// anchor is the fragment under which GitHub shows a heading.
func anchor(heading string) string {
	plain := docNotWord.ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(strings.TrimSpace(plain), " ", "-")
}

// Every link of the documentation leads to a file and, where it
// names one, to a heading of it. Addresses of other sites are not asked.
func TestLinksOfTheDocumentation(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range docLink.FindAllStringSubmatch(readFile(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, fragment, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			there, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
				continue
			}
			if fragment != "" && !hasAnchor(string(there), fragment) {
				t.Errorf("%s links to %s: there is no such heading", page, m[1])
			}
		}
	}
}

func hasAnchor(text, fragment string) bool {
	for _, h := range docHeading.FindAllStringSubmatch(text, -1) {
		if anchor(h[1]) == fragment {
			return true
		}
	}
	return false
}

// The README stays short enough to be read: 10 kB.
func TestReadmeIsShort(t *testing.T) {
	info, err := os.Stat("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 10_000 {
		t.Errorf("README.md has %d bytes: move what is not needed in the first minute to docs", info.Size())
	}
}
