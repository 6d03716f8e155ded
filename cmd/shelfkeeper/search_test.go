package main

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// Words find an item; what several are called has to be chosen; the exit codes are those
// of every command.
func TestSearchAndURL(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{Podcasts: true}), newPlace(t)
	if r := p.run("", "search", "x"); r.code != problem.Unreachable || !strings.Contains(r.stderr, "shelfkeeper run") {
		t.Errorf("without a daemon: %d %s", r.code, r.stderr)
	}
	p.login(s)
	p.daemon()
	url := p.until("the session is fresh", fresh).Proxy.URL
	book, cast := s.Library().Tracks(), s.Podcasts().Items[0]
	if out := p.ok("", "search", "quill", "tide").stdout; !strings.Contains(out, book.Title) || !strings.Contains(out, book.ID) ||
		!strings.Contains(out, "10 min") {
		t.Errorf("%s", out)
	}
	for _, c := range []struct {
		args string
		want string
		code problem.Code
	}{
		{"url low tide", url + "/_shelfkeeper/playlist/" + book.ID + ".m3u8", 0},
		{"url --format xspf " + book.ID, url + "/_shelfkeeper/playlist/" + book.ID + ".xspf", 0},
		{"url " + url + "/item/" + book.ID + "?x=1", url + "/_shelfkeeper/playlist/" + book.ID + ".m3u8", 0},
		{"url " + strings.ToUpper(book.ID), url + "/_shelfkeeper/playlist/" + book.ID + ".m3u8", 0},
		{"url --format cover low tide", url + "/api/items/" + book.ID + "/cover", 0},
		{"url --format feed harbour", url + "/_shelfkeeper/podcast/" + cast.ID + ".rss", 0},
		{"url counting gulls", url + "/_shelfkeeper/playlist/" + cast.ID + "/" + cast.Episodes[2].ID + ".m3u8", 0},
		{"url mara quill --number 4", url + "/_shelfkeeper/playlist/", 0},
		{"url mara quill", "", problem.Usage},
		{"url mara quill --number 99", "", problem.Usage},
		{"url mara quill --number -1", "", problem.Usage},
		{"url --format feed low tide", "", problem.Usage},
		{"url --format pls low tide", "", problem.Usage},
		{"url", "", problem.Usage},
		{"search", "", problem.Usage},
		{"search zzz", "", problem.Other},
		{"search --json zzz", "{\"format\":1,\"account\":\"", problem.Other},
		{"search --json low tide", "{\"format\":1,\"account\":\"", 0},
		{"url zzz", "", problem.Other},
		{"url 11111111-1111-1111-1111-111111111111", "", problem.Other},
		{"play", "", problem.Usage},
		{"play --player /nowhere/x low tide", "", problem.Usage},
		{"play --player \" low tide", "", problem.Usage},
		{"search --account nobody tide", "", problem.Usage},
	} {
		r := p.run("", strings.Fields(c.args)...)
		if r.code != c.code || !strings.HasPrefix(r.stdout, c.want) {
			t.Errorf("%s: code %d, want %d:\n%s%s", c.args, r.code, c.code, r.stdout, r.stderr)
		}
	}
	if r := p.run("", "search", "--json", "zzz"); !strings.Contains(r.stdout, `"items":[]`) {
		t.Errorf("nothing found, in JSON: %s", r.stdout)
	}
	if r := p.run("", "url", "mara", "quill"); !strings.Contains(r.stderr, "A Field Guide to Fog") ||
		!strings.Contains(r.stderr, "--number") {
		t.Errorf("what may be meant is not listed:\n%s", r.stderr)
	}
	// The remedy can be pasted, whatever was typed.
	r := p.run("", "play", "--account", "127-0-0-1-alice", "--player", "/nowhere/x", "it's", "low; tide", "--", "$HOME")
	if !strings.Contains(r.stderr, `play --player vlc --account 127-0-0-1-alice 'it'\''s' 'low; tide' '$HOME'`) {
		t.Errorf("the remedy: %s", r.stderr)
	}
	if r := p.ok("", "play", "--player", "echo {title} {url}", "low", "tide"); !strings.Contains(r.stdout,
		book.Title+" "+url+"/_shelfkeeper/playlist/") {
		t.Errorf("a template: %s", r.stdout)
	}
}
