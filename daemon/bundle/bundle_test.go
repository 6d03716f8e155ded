package bundle

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const token = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJjYW5hcnkifQ.c2VjcmV0LWNhbmFyeQ"

// No part shows a secret or a name, wherever it stands.
func TestScrub(t *testing.T) {
	n := NewNames("/home/anna", []string{"https://abs.anna-home.org:8443/audiobookshelf", "http://127.0.0.1:13378", "http://192.168.1.5"},
		[]string{"anna", "al"})
	for in, want := range map[string]string{
		"anna at https://abs.anna-home.org:8443/x": "user-1 at https://server-1.example:8443/x",
		"account abs-anna-home-org-anna":           "account server-1-example-user-1",
		"/home/anna/.config, ANNA, annabel, al":    "~/.config, user-1, annabel, al",
		"at 192.168.1.5 and 192.168.1.50":          "at server-2.example and machine-1.example",
		"anna anna":                                "user-1 user-1",
		"token=canary&x " + token:                  "token=[redacted]&x [redacted]",
	} {
		if got := n.Scrub(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// Addresses of other machines are names, too; times, releases and this machine stay.
func TestScrubAddresses(t *testing.T) {
	n := NewNames("", nil, nil)
	for _, c := range []struct{ in, want string }{
		{"IPv4 203.0.113.7 answers, 203.0.113.8 is dead", "IPv4 machine-1.example answers, machine-2.example is dead"},
		{"dial 203.0.113.7:443: refused", "dial machine-1.example:443: refused"},
		{"at [2001:db8::1]:443.", "at machine-3.example:443."},
		{"IPv6 2001:db8::1", "IPv6 machine-3.example"},
		{"127.0.0.1:13379, [::1]:80, 0.0.0.0", "127.0.0.1:13379, [::1]:80, 0.0.0.0"},
		{"2026-11-26T20:12:33Z 12:34:56.789 2.36.0 v1.102.0", "2026-11-26T20:12:33Z 12:34:56.789 2.36.0 v1.102.0"},
	} {
		if got := n.Scrub(c.in); got != c.want {
			t.Errorf("%q is %q, want %q", c.in, got, c.want)
		}
	}
}

func TestConfigWithoutSecrets(t *testing.T) {
	text := `listen = 13379
user_agent = "Me"
unknown = "canary-1"
[upstream]
headers = { "CF-Access-Client-Secret" = "canary-2" }
proxy = "socks5://me:canary-3@127.0.0.1:1080/canary-4"
addresses = ["http://192.168.1.5:13378", "https://me:canary-5@abs.example"]
headers_for = ["https://abs.example"]
[accounts.nas.upstream]
proxy = "direct"
[accounts.nas.upstream.headers]
Authorization = """
canary-6
"""
`
	out := Config([]byte(text))
	if strings.Contains(out, "canary") {
		t.Errorf("a secret is in\n%s", out)
	}
	for _, want := range []string{"13379", "CF-Access-Client-Secret", "socks5://127.0.0.1:1080", "192.168.1.5:13378", "direct",
		"Authorization"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
	if out := Config([]byte("headers = { a = canary")); strings.Contains(out, "canary") || out == "" {
		t.Errorf("%q", out)
	}
}

func TestBundleAsAFile(t *testing.T) {
	b := New(NewNames("", nil, nil), Part{"a.txt", "what it is", "text " + token},
		Part{"log.txt", "the log", strings.Repeat("x", maxPart) + "end"})
	path := filepath.Join(t.TempDir(), "report.zip")
	if err := b.Create(path, time.Now()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := b.Create(path, time.Now()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another file: %v", err)
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var all bytes.Buffer
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	if len(z.File) != 2 || !strings.HasPrefix(all.String(), "text [redacted]") || !strings.HasSuffix(all.String(), "end") ||
		all.Len() > maxPart+100 {
		t.Errorf("%d files, %d bytes", len(z.File), all.Len())
	}
	if c := b.Contents(); !strings.Contains(c, "a.txt") || !strings.Contains(c, "the log") || !strings.Contains(c, "kB") {
		t.Errorf("%s", c)
	}
	var text bytes.Buffer
	if err := b.WriteText(&text); err != nil || !strings.Contains(text.String(), "===== a.txt: what it is =====\ntext [redacted]\n") {
		t.Errorf("%.200s %v", text.String(), err)
	}
}

func TestMachine(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("ALL_PROXY", "http://me:canary@proxy")
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := Versions("1.2", "abc") + Desktop() + Files(dir)
	if strings.Contains(all, "canary") || !strings.Contains(all, "shelfkeeper 1.2 abc") || !strings.Contains(all, "ALL_PROXY: set") ||
		!strings.Contains(all, "        6 ") {
		t.Errorf("%s", all)
	}
}
