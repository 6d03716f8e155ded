package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// demo starts a demonstration and reads the line it prints when ready.
func (p *place) demo(args ...string) (*process, ready) {
	p.t.Helper()
	d := p.start(append([]string{"demo", "--json"}, args...)...)
	d.until(d.stdout, "\n")
	r := struct {
		Format int `json:"format"`
		ready
	}{}
	dec := json.NewDecoder(strings.NewReader(d.stdout.text()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil || r.Format != jsonFormat {
		p.t.Fatal(err, r)
	}
	return d, r.ready
}

// end ends a demonstration as another terminal would, and returns what the
// server counted.
func (d *process) end(r ready) summary {
	d.place.t.Helper()
	d.place.ok("", "quit", "--control", r.Control)
	if code := d.wait(); code != problem.OK {
		d.place.t.Errorf("the demonstration ended with %d", code)
	}
	return d.counted()
}

func (d *process) counted() (s summary) {
	d.place.t.Helper()
	lines := strings.Split(strings.TrimSpace(d.stdout.text()), "\n")
	var last struct{ Counted *summary }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Counted == nil {
		d.place.t.Errorf("%v in\n%s", err, d.stdout.text())
		return s
	}
	return *last.Counted
}

func demoPlace(t *testing.T) *place {
	p := barePlace(t, nil)
	p.env = append(p.env, "TMPDIR="+p.home)
	return p
}

func TestDemo(t *testing.T) {
	for _, release := range append(absfake.RotatingReleases(), "") {
		t.Run("release "+string(release), func(t *testing.T) {
			t.Parallel()
			p := demoPlace(t)
			d, r := p.demo("--release", string(release), "--access-ttl", "2s", "--no-tray")
			if strings.Count(d.stdout.text(), "\n") != 1 {
				t.Errorf("not one line:\n%s", d.stdout.text())
			}
			var keys map[string]any
			if err := json.Unmarshal([]byte(d.stdout.text()), &keys); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"proxy", "server", "item_url", "stream_url", "control", "page"} {
				if text, _ := keys[key].(string); text == "" {
					t.Errorf("no %s in %s", key, d.stdout.text())
				}
			}
			want := release
			if want == "" {
				want = absfake.Newest
			}
			if _, body := get(t, r.Server+"/status"); !strings.Contains(string(body), `"serverVersion":"`+string(want)+`"`) {
				t.Errorf("status: %s", body)
			}
			for _, url := range []string{r.ItemURL, r.StreamURL} {
				if resp, _ := get(t, url); resp.StatusCode != http.StatusOK || !strings.HasPrefix(url, r.Proxy) {
					t.Errorf("%s: %s", url, resp.Status)
				}
			}
			asked := uint64(2)
			for began := time.Now(); ; asked++ { // a player that goes on after the token's end
				if resp, _ := get(t, r.ItemURL); resp.StatusCode != http.StatusOK || time.Since(began) > 3*time.Second {
					break
				}
			}
			asked++
			a := p.untilAt(r.Control, "the token changed", func(a health.Account) bool { return fresh(a) && a.Session.Generation > 1 })
			if a.Vault.Backend != "memory" || a.Proxy.URL != r.Proxy || a.Server != r.Server {
				t.Errorf("status: %+v", a)
			}
			s := d.end(r)
			if s.MediaRequests != 1 || s.MediaTokens != 1 || s.PlayerRequests != asked || s.PlayerBytes < 25_000_000 || s.Requests < 6 ||
				s.Rotations < 1 || s.SessionGeneration < 2 || s.PasswordLogins != 1 || s.PlayerRejected != 0 {
				t.Errorf("counted %+v", s)
			}
			if left, err := filepath.Glob(filepath.Join(p.home, "shelfkeeper-demo-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestDemoInWords(t *testing.T) {
	t.Parallel()
	began := time.Now()
	d := demoPlace(t).start("demo", "--for", "1s")
	if code := d.wait(); code != problem.OK || time.Since(began) < time.Second {
		t.Errorf("it ended after %v with %d", time.Since(began), code)
	}
	for _, want := range []string{"sign-in limit switched off", "mpv --no-video http://127.0.0.1:", "/api/libraries",
		"shelfkeeper status --watch --control ",
		"nothing is kept", "What the server counted:", "1 password logins, 0 times 401",
		"What players saw: 0 requests, 0 bytes, 0 times 401."} {
		if !strings.Contains(d.stdout.text(), want) {
			t.Errorf("%q is not in\n%s", want, d.stdout.text())
		}
	}
	if d.stderr.text() != "" {
		t.Errorf("on stderr:\n%s", d.stderr.text())
	}
}

// What comes through the local address is what lies on the server, in one
// piece and in ranges.
func TestDownloadEqualsTheSource(t *testing.T) {
	t.Parallel()
	p := demoPlace(t)
	d, r := p.demo("--access-ttl", "1s")
	model, err := absfake.New(absfake.Config{}) // the same bytes on every machine
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	file := model.Library().Tracks().Files[0]
	want := sha256.New()
	if _, err := io.Copy(want, file.Reader()); err != nil {
		t.Fatal(err)
	}
	resp, body := get(t, r.StreamURL)
	if got := sha256.Sum256(body); resp.StatusCode != http.StatusOK || !bytes.Equal(got[:], want.Sum(nil)) {
		t.Errorf("%s, %d bytes of %d, SHA-256 %x", resp.Status, len(body), file.Size, got)
	}
	got := sha256.New()
	for from := int64(0); from < file.Size; from += 5_000_000 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.StreamURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+4_999_999))
		resp, body := ask(t, req)
		if resp.StatusCode != http.StatusPartialContent {
			t.Fatalf("%s for %s", resp.Status, req.Header.Get("Range"))
		}
		got.Write(body)
	}
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("the ranges do not make the file")
	}
	d.end(r)
}

func TestDemoFaultsAndRate(t *testing.T) {
	t.Parallel()
	p := demoPlace(t)
	d, r := p.demo("--rate", "1M", "--faults", "502:cover:x1,lose:refresh:x1", "--access-ttl", "1s")
	if resp, _ := get(t, r.ItemURL+"/cover"); resp.StatusCode != http.StatusOK {
		t.Errorf("the gateway's 502 became %s", resp.Status)
	}
	if held := p.untilAt(r.Control, "the cover is counted",
		func(a health.Account) bool { return a.Proxy.Requests > 0 }).Proxy.Held; held != 1 {
		t.Errorf("%d requests were held", held)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.StreamURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Range", "bytes=0-1999999")
	began := time.Now()
	if resp, body := ask(t, req); len(body) != 2_000_000 || time.Since(began) < 1500*time.Millisecond {
		t.Errorf("%s, %d bytes in %v", resp.Status, len(body), time.Since(began))
	}
	if resp, _ := get(t, r.ItemURL); resp.StatusCode != http.StatusOK { // the token has ended, and the first answer is lost
		t.Errorf("after the token's end: %s", resp.Status)
	}
	if s := d.end(r); s.Replays != 1 || s.PasswordLogins != 1 || s.PlayerRejected != 0 {
		t.Errorf("counted %+v", s)
	}
}

// The server alone is there to sign in to.
func TestDemoServerOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d, r := p.demo("--server-only", "--access-ttl", "2s")
	if r.Username != "demo" || r.Password == "" || r.Proxy != "" || r.Control != "" {
		t.Fatalf("ready: %+v", r)
	}
	p.ok(r.Password, "login", r.Server, "-u", r.Username, "--password-stdin", "--store", "file")
	p.daemon()
	a := p.until("the session is fresh", fresh)
	if resp, _ := get(t, strings.Replace(r.StreamURL, r.Server, a.Proxy.URL, 1)); resp.StatusCode != http.StatusOK {
		t.Errorf("a player got %s", resp.Status)
	}
	d.kill()
}
