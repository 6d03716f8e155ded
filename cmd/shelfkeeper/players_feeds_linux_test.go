package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain/keyringtest"
)

// newsboat and gPodder read a feed that was opened at the server and one that is made
// here, and gPodder downloads what both enclose.
func TestFeedReaders(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "newsboat", "gpo")
	s, p, url, grant := signedIn(t, absfake.Config{Podcasts: true, AccessTTL: 2 * time.Second})
	cast := s.Podcasts().Items[0]
	s.openFeed(cast.ID, "tides")
	feeds := []string{url + "/feed/tides?token=" + grant, url + "/_shelfkeeper/podcast/" + cast.ID + ".rss?token=" + grant}
	dir := t.TempDir()
	run := func(program string, args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env = append(os.Environ(), "HOME="+dir, "GPODDER_HOME="+filepath.Join(dir, "gpodder"),
			"GPODDER_DOWNLOAD_DIR="+filepath.Join(dir, "downloads"), "TERM=dumb", "LC_ALL=C.UTF-8")
		said, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", program, args, err, said)
		}
		p.noServerToken(s, string(said))
		return string(said)
	}

	urls := filepath.Join(dir, "urls")
	if err := os.WriteFile(urls, []byte(strings.Join(feeds, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	newsboat := []string{"-u", urls, "-c", filepath.Join(dir, "cache.db")}
	run("newsboat", append(newsboat, "-x", "reload")...)
	if said, want := run("newsboat", append(newsboat, "-x", "print-unread")...), 2*len(cast.Episodes); !strings.Contains(said,
		fmt.Sprint(want)+" unread") {
		t.Errorf("newsboat, want %d: %s", want, said)
	}

	// A program of another user has nothing but these addresses.
	_, said := playerAsks(t, "GET", feeds[0], "")
	if n := strings.Count(said, "?token="+grant+`" length=`); n != len(cast.Episodes) {
		t.Errorf("%d of %d enclosures carry the grant:\n%s", n, len(cast.Episodes), said)
	}

	for _, feed := range feeds {
		run("gpo", "subscribe", feed)
	}
	run("gpo", "download")
	got := map[string]int{} // content: how often
	err := filepath.WalkDir(filepath.Join(dir, "downloads"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var content []byte
			content, err = os.ReadFile(path)
			got[string(content)]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range cast.Episodes {
		content, err := io.ReadAll(e.File.Reader())
		if err != nil {
			t.Fatal(err)
		}
		if n := got[string(content)]; n != len(feeds) {
			t.Errorf("%s: downloaded %d times from %d feeds", e.Title, n, len(feeds))
		}
	}
}

// openFeed makes an item a feed at the server, as its administrator does.
func (s *server) openFeed(item, slug string) {
	s.t.Helper()
	var in struct{ User struct{ Token string } }
	code, body := playerAsks(s.t, "POST", s.url+"/login", `{"username":"root","password":"of no interest"}`, "Content-Type",
		"application/json")
	if err := json.Unmarshal([]byte(body), &in); err != nil || code != 200 {
		s.t.Fatalf("root: %d %s", code, body)
	}
	code, body = playerAsks(s.t, "POST", s.url+"/api/feeds/item/"+item+"/open", `{"serverAddress":"`+s.url+`","slug":"`+slug+`"}`,
		"Content-Type", "application/json", "Authorization", "Bearer "+in.User.Token)
	if code != 200 {
		s.t.Fatalf("a feed: %d %s", code, body)
	}
}
