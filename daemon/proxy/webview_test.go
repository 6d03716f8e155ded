package proxy_test

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// An image that names no origin and carries no token passes in the process that has named
// itself, and in no other.
func TestImagesOfAWebview(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the process is told on Linux and Windows only")
	}
	const app, electron = "app://obsidian.md", "Mozilla/5.0 htpc/1.0 Electron/30.0.0"
	element := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}
	for _, c := range []struct {
		desc   string
		header []string // by which the process names itself; {grant} is its grant
		passes bool
	}{
		{"an origin of its own scheme", []string{"Origin", app, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"}, true},
		{"a referer of its own scheme", []string{"Referer", app + "/", "Sec-Fetch-Site", "cross-site"}, true},
		{"a grant in a request that names no origin", []string{"Authorization", "Bearer {grant}", "Sec-Fetch-Site", "cross-site",
			"Sec-Fetch-Mode", "cors", "User-Agent", electron}, true},
		{"a website, in a browser that shows others too", []string{"Origin", "http://friend.example", "Sec-Fetch-Site", "cross-site"}, false},
		{"an extension of a browser", []string{"Origin", "moz-extension://1", "Sec-Fetch-Site", "cross-site"}, false},
		{"an origin that is not trusted", []string{"Origin", "app://other", "Sec-Fetch-Site", "cross-site"}, false},
		{"a page of a website that knows a grant", []string{"Authorization", "Bearer {grant}", "Origin", "http://friend.example",
			"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "User-Agent", electron}, false},
		{"a browser's extension that knows a grant", []string{"Authorization", "Bearer {grant}", "Sec-Fetch-Site", "cross-site",
			"Sec-Fetch-Mode", "cors", "User-Agent", "Mozilla/5.0 Firefox/130.0"}, false},
		{"a wrong grant", []string{"Authorization", "Bearer sk_wrong", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors",
			"User-Agent", electron}, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := proxytest.NewLocalWorld(t, absfake.Config{}, func(cfg *proxy.Config) {
				cfg.PeerOf, cfg.OwnUID = nil, os.Getuid()
				cfg.TrustedOrigins = []string{app, "http://friend.example", "moz-extension://1"}
			})
			grant := w.NewGrant(players.ScopeFull)
			item := w.Fake.Library().Tracks()
			cover := "/api/items/" + item.ID + "/cover"
			if a := w.Do("GET", cover, element...); a.StatusCode != 403 {
				t.Errorf("before it has named itself: %s", a.Status)
			}
			header := make([]string, len(c.header))
			for i, h := range c.header {
				header[i] = strings.ReplaceAll(h, "{grant}", grant)
			}
			w.Do("GET", "/api/libraries", header...)
			want := 403
			if c.passes {
				want = 200
			}
			a := w.Do("GET", cover, element...)
			if a.StatusCode != want {
				t.Fatalf("%s", a.Status)
			}
			if got := child(t, "http://"+w.Addr+cover, element); !strings.HasPrefix(got, "403 ") {
				t.Errorf("another process: %.40s", got)
			}
			if !c.passes {
				return
			}
			if h := a.Header; h.Get("Cross-Origin-Resource-Policy") != "cross-origin" || h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%v", h)
			}
			for desc, one := range map[string][]string{
				"a script":             {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"},
				"a frame":              {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"},
				"a fetch":              {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
				"another page's image": append([]string{"Referer", "http://evil.example/"}, element...),
			} {
				if a := w.Do("GET", cover, one...); a.StatusCode != 403 {
					t.Errorf("%s: %s", desc, a.Status)
				}
			}
			if a := w.Do("GET", "/api/me", element...); a.StatusCode != 403 {
				t.Errorf("what is no picture: %s", a.Status)
			}
			if err := w.Store.Revoke("home", "full player"); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.Join(c.header, " "), "{grant}") {
				if a := w.Do("GET", cover, element...); a.StatusCode != 403 {
					t.Errorf("after its grant was revoked: %s", a.Status)
				}
			}
		})
	}
}

// child lets another program of the user get an address, and returns what it got.
func child(t *testing.T, address string, header []string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	lines := make([]string, 0, len(header)/2)
	for i := 0; i < len(header); i += 2 {
		lines = append(lines, header[i]+": "+header[i+1])
	}
	cmd.Env = append(os.Environ(), getVar+"="+address, headVar+"="+strings.Join(lines, "\n"))
	cmd.WaitDelay = time.Minute
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
