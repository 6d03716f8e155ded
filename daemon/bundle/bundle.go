// Package bundle makes the file that goes with a bug report: what the program knows
// of itself, as text that its user can read first.
//
// Whatever goes in passes through package redact, and the names of servers, users and
// the home directory are replaced, the same one always by the same word. The package
// asks no server, and reads no vault.
package bundle

import (
	"archive/zip"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/redact"
)

// maxPart bounds one part. Of a longer one the end is kept: it is the newest of a log.
const maxPart = 2 << 20

// Part is one file of a bundle.
type Part struct {
	Name string // such as status.json
	What string // in words
	Text string
}

// Names are words that tell who somebody is, and what stands for them. They are for one
// goroutine.
type Names struct {
	servers, users []string
	home           string
	rules          []rule
	machines       []netip.Addr
}

type rule struct {
	is *regexp.Regexp
	to string
}

// minName is how long a user's name must be to be replaced: a shorter one is part of
// too many words.
const minName = 3

// NewNames returns the names to replace: of the home directory, and of the servers and
// users of the accounts.
func NewNames(home string, servers, users []string) *Names {
	n := &Names{home: home}
	add := func(word, to string) {
		n.rules = append(n.rules, rule{regexp.MustCompile(`(?i)(^|[^\pL\pN])` + regexp.QuoteMeta(word) + `($|[^\pL\pN])`), "${1}" + to + "${2}"})
	}
	if home != "" && home != "/" {
		n.rules = append(n.rules, rule{regexp.MustCompile(regexp.QuoteMeta(home)), "~"})
	}
	for _, s := range servers {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || slices.Contains(n.servers, u.Hostname()) || isHere(u.Hostname()) {
			continue
		}
		n.servers = append(n.servers, u.Hostname())
		to := fmt.Sprintf("server-%d.example", len(n.servers))
		add(u.Hostname(), to)
		add(strings.NewReplacer(".", "-", ":", "-").Replace(u.Hostname()), strings.ReplaceAll(to, ".", "-")) // in an account's name
	}
	for _, user := range users {
		if len(user) < minName || slices.Contains(n.users, user) {
			continue
		}
		n.users = append(n.users, user)
		add(user, fmt.Sprintf("user-%d", len(n.users)))
	}
	return n
}

// isHere reports whether a host is this machine, which tells nothing of anybody.
func isHere(host string) bool {
	return host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1"
}

// Scrub returns a text without secrets, and with the names replaced.
func (n *Names) Scrub(s string) string {
	s = redact.Text(s)
	for _, r := range n.rules {
		for range 2 { // two names may share the character between them
			s = r.is.ReplaceAllString(s, r.to)
		}
	}
	return n.withoutAddresses(s)
}

// addressLike is what may be an address of IPv4 or IPv6, with a port or without.
var addressLike = regexp.MustCompile(`\[[0-9A-Fa-f:.]+\](?::[0-9]+)?|[0-9A-Fa-f:.]{7,}`)

// withoutAddresses replaces the addresses of other machines, the same one always by the
// same word.
func (n *Names) withoutAddresses(s string) string {
	return addressLike.ReplaceAllStringFunc(s, func(found string) string {
		text := strings.TrimRight(found, ".:")
		ip, err := netip.ParseAddr(strings.Trim(text, "[]"))
		port := ""
		if err != nil {
			both, err := netip.ParseAddrPort(text)
			if err != nil {
				return found
			}
			ip, port = both.Addr(), fmt.Sprintf(":%d", both.Port())
		}
		if ip = ip.Unmap(); ip.IsLoopback() || ip.IsUnspecified() {
			return found
		}
		i := slices.Index(n.machines, ip)
		if i < 0 {
			i = len(n.machines)
			n.machines = append(n.machines, ip)
		}
		return fmt.Sprintf("machine-%d.example%s%s", i+1, port, found[len(text):])
	})
}

// Bundle is the parts in the order in which they are shown.
type Bundle struct{ parts []Part }

// New returns a Bundle of parts, scrubbed.
func New(names *Names, parts ...Part) *Bundle {
	b := &Bundle{}
	for _, p := range parts {
		if len(p.Text) > maxPart {
			p.Text = "…" + strings.ToValidUTF8(p.Text[len(p.Text)-maxPart:], "")
		}
		p.Text = names.Scrub(p.Text)
		b.parts = append(b.parts, p)
	}
	return b
}

// Contents says what is in the bundle.
func (b *Bundle) Contents() string {
	var out strings.Builder
	for _, p := range b.parts {
		fmt.Fprintf(&out, "  %-14s %7s  %s\n", p.Name, size(len(p.Text)), p.What)
	}
	return out.String()
}

func size(n int) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%d kB", (n+999)/1000)
}

// WriteText writes all of it as one text.
func (b *Bundle) WriteText(out io.Writer) error {
	for _, p := range b.parts {
		if _, err := fmt.Fprintf(out, "===== %s: %s =====\n%s\n", p.Name, p.What, strings.TrimRight(p.Text, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// Write writes the bundle as a zip archive.
func (b *Bundle) Write(out io.Writer, now time.Time) error {
	z := zip.NewWriter(out)
	for _, p := range b.parts {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "shelfkeeper-report/" + p.Name, Method: zip.Deflate, Modified: now})
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, p.Text); err != nil {
			return err
		}
	}
	return z.Close()
}

// Create writes the bundle into a new file that only its user reads.
func (b *Bundle) Create(path string, now time.Time) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = b.Write(f, now)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(path) // half of it is of no use
	}
	return err
}
