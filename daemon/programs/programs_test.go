package programs

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/docs/docstest"
)

var update = flag.Bool("update", false, "write the table into docs/players.md")

// docs/players.md holds this table and no other.
func TestDocumentedTable(t *testing.T) {
	docstest.Table(t, "../../docs/players.md", "<!-- programs: made from daemon/programs, a test compares it -->\n",
		"<!-- end of programs -->\n", Markdown(), *update)
}

// Each program says what to paste and how it is known, and is found by each of its names.
func TestTableIsWhole(t *testing.T) {
	names := map[string]string{}
	for _, p := range List() {
		if len(p.Fields) == 0 || p.Name == "" || p.Tried.How == "" || p.Tried.Date != "" && p.Works == "" {
			t.Errorf("%+v", p)
		}
		for _, name := range append([]string{p.ID, p.Name, strings.ToUpper(p.ID)}, p.Also...) {
			if other := names[plain(name)]; other != "" && other != p.ID {
				t.Errorf("%q is %s and %s", name, other, p.ID)
			}
			names[plain(name)] = p.ID
			if got, ok := Find(name); !ok || got.ID != p.ID {
				t.Errorf("%q finds %q", name, got.ID)
			}
		}
		for _, m := range p.More {
			if rank(m.Scope) < 1 || rank(m.Scope) < rank(p.Scope) || m.What == "" {
				t.Errorf("%s: %+v", p.ID, m)
			}
		}
		if p.Scope != "" && rank(p.Scope) < 1 {
			t.Errorf("%s has the scope %q", p.ID, p.Scope)
		}
		for _, secret := range []string{"", "sk_x"} {
			for _, f := range p.Filled("http://127.0.0.1:13381", secret, "SECRET") {
				if strings.ContainsAny(f.Value, "{}") || f.Value == "" || f.Name == "" {
					t.Errorf("%s: %+v", p.ID, f)
				}
			}
		}
	}
	for _, none := range []string{"", "no such program", "-"} {
		if p, ok := Find(none); ok {
			t.Errorf("%q finds %s", none, p.ID)
		}
	}
}

// What needs more than a grant opens is told before it fails.
func TestMissing(t *testing.T) {
	hass, _ := Find("Home Assistant")
	if !hass.NeedsAdmin() || len(hass.Missing(listen)) != 1 || len(hass.Missing(full)) != 1 || len(hass.Missing(admin)) != 0 {
		t.Errorf("%+v", hass)
	}
	if mpv, _ := Find("VLC"); mpv.GrantScope() != listen || mpv.NeedsAdmin() {
		t.Errorf("%+v", mpv)
	}
	if near := Near("kodi"); !slices.Equal(near, []string{"kodi-breezyslasher", "kodi-mildman1848", "kodi-platzregen"}) {
		t.Errorf("kodi: %q", near)
	}
}

// An address for another user carries the key; for the own user it carries none.
func TestTokenInAddress(t *testing.T) {
	vlc, _ := Find("vlc")
	if got := vlc.Filled("http://h:1", "", "SECRET")[0].Value; got != "http://h:1/api/items/ID/file/INO" {
		t.Error(got)
	}
	if got := vlc.Filled("http://h:1", "sk_x", "")[0].Value; got != "http://h:1/api/items/ID/file/INO?token=sk_x" {
		t.Error(got)
	}
}
