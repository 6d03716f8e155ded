package daemon

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe is the source of axe-core, which judges whether everybody can use a page.
func axe(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SHELFKEEPER_NODE")
	if dir == "" {
		if cache, err := os.UserCacheDir(); err == nil {
			dir = filepath.Join(cache, "shelfkeeper-ci")
		}
	}
	source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must have axe-core:", err)
		}
		t.Skip("needs axe-core: npm install --prefix ~/.cache/shelfkeeper-ci --no-save axe-core@4")
	}
	return string(source)
}

// judge looks at a state of the page in both colour schemes, narrow and wide:
// everybody can use it, and nothing runs out of the window. With
// SHELFKEEPER_SHOTS it leaves pictures there.
func (b *tab) judge(name string) {
	b.t.Helper()
	source := axe(b.t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1100} {
			b.emulate(scheme, width)
			found := b.js("if (!window.axe) { " + source + " }" + `
				const r = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
				const said = r.violations.map((v) => v.id + ": " + v.help + "\n" + v.nodes.map((n) => "  " + n.html + "\n  " + n.failureSummary).join("\n"))
				const wide = document.scrollingElement.scrollWidth
				if (wide > innerWidth) said.push("it is " + wide + " wide")
				return said.join("\n")`)
			if found != "" {
				b.t.Errorf("%s, %s, %d wide:\n%s", name, scheme, width, found)
			}
			b.picture(strings.Join([]string{name, scheme, strconv.FormatInt(width, 10)}, "-"))
		}
	}
	b.emulate("light", 1100)
}

func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("SHELFKEEPER_SHOTS")
	if dir == "" {
		return
	}
	image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}
