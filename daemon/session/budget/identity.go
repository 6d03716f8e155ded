package budget

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/order"
)

// One server may be known by several addresses: with and without a base path,
// by name and by number, from inside and through a gateway. Its limiter may
// count them together, so we do. ABS names no id of its own (measured on 2.26.3
// to 2.36.0), but every sign-in and renewal names ids that were drawn at random
// for one database: the user's, and that of the user's first library. Two
// addresses that gave the same one are one server, and so are two that the caller
// knows to be one; see Budgets.Same. Two others may still be one.

// server is one server, by all the names and ids it was met under.
type server struct {
	Names []string `json:"names"`
	IDs   []string `json:"ids,omitempty"`
	// Distinct: its release gives every session tokens of its own; see Turn.
	Distinct bool `json:"distinct,omitempty"`
	// Cookies are how it marks the cookies of renewals, by name: each address may lead
	// through a gateway of its own.
	Cookies map[string]cookie `json:"cookies,omitempty"`
	spending
}

// cookie is how the cookies of renewals are marked since a moment.
type cookie struct {
	Mark  absapi.CookieMark `json:"mark"`
	Since time.Time         `json:"since"`
}

// note keeps the mark of a renewal's cookie, and reports whether it is a new one.
func (s *server) note(name string, mark absapi.CookieMark, now time.Time) bool {
	if mark == "" || s.Cookies[name].Mark == mark {
		return false
	}
	if s.Cookies == nil {
		s.Cookies = map[string]cookie{}
	}
	s.Cookies[name] = cookie{mark, now}
	return true
}

// server returns the part of the server of that name.
func (b *book) server(name string) *server {
	for _, s := range b.Servers {
		if slices.Contains(s.Names, name) {
			return s
		}
	}
	s := &server{Names: []string{name}}
	b.Servers = append(b.Servers, s)
	return s
}

// knows reports whether the server of that name is known by all these ids.
func (b *book) knows(name string, ids []string) bool {
	s := b.server(name)
	return !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(s.IDs, id) })
}

// recognise makes the server of that name one with every other that has one of
// these ids.
func (b *book) recognise(name string, ids []string) {
	s := b.server(name)
	for _, id := range ids {
		if !slices.Contains(s.IDs, id) {
			s.IDs = append(s.IDs, id)
		}
	}
	b.absorb(s, func(o *server) bool {
		return slices.ContainsFunc(o.IDs, func(id string) bool { return slices.Contains(s.IDs, id) })
	})
}

// same makes two names those of one server.
func (b *book) same(name, other string) {
	s, o := b.server(name), b.server(other)
	b.absorb(s, func(server *server) bool { return server == o })
}

// absorb makes s one with the other servers that are it as well.
func (b *book) absorb(s *server, is func(*server) bool) {
	b.Servers = slices.DeleteFunc(b.Servers, func(o *server) bool {
		if o == s || !is(o) {
			return false
		}
		s.Names, s.IDs = union(s.Names, o.Names), union(s.IDs, o.IDs)
		s.spending = s.joined(o.spending)
		for name, c := range o.Cookies {
			s.note(name, c.Mark, c.Since)
		}
		return true
	})
	if len(s.IDs) > maxIDs {
		s.IDs = s.IDs[len(s.IDs)-maxIDs:]
	}
}

// prune forgets servers that nothing was asked of for longest, when there are
// too many.
func (b *book) prune(now time.Time) {
	for len(b.Servers) > maxServers {
		oldest := 0
		for i, s := range b.Servers {
			if s.last().Before(b.Servers[oldest].last()) {
				oldest = i
			}
		}
		if now.Sub(b.Servers[oldest].last()) < mostBlocked {
			return
		}
		b.Servers = slices.Delete(b.Servers, oldest, oldest+1)
	}
}

func (s *server) last() (t time.Time) {
	if n := len(s.Spent); n > 0 {
		t = s.Spent[n-1]
	}
	return t
}

func union(a, b []string) []string {
	for _, e := range b {
		if !slices.Contains(a, e) {
			a = append(a, e)
		}
	}
	return a
}

func sortTimes(ts []time.Time) { order.Stable(ts, time.Time.Compare) }

var randomID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// telling reports whether an id was drawn at random, so that no other database
// has it. Older ones ("root") are everywhere.
func telling(id string) bool { return randomID.MatchString(id) }

// thisMachine is the host of every address that leads to this machine by itself.
const thisMachine = "localhost"

// serverName is an address as far as it tells servers apart: host and port.
// The base path does not, nor do the ways to write one host.
func serverName(base *url.URL) string {
	host := strings.TrimSuffix(hostname.Canonical(base.Hostname()), ".")
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil:
		ip = ip.Unmap().WithZone("")
		if host = ip.String(); ip.IsLoopback() || ip.IsUnspecified() {
			host = thisMachine
		}
	case strings.HasSuffix(host, "."+thisMachine), host == "localhost.localdomain", host == "ip6-localhost", host == "ip6-loopback":
		host = thisMachine
	}
	switch port := base.Port(); {
	case port == "", base.Scheme == "http" && port == "80", base.Scheme == "https" && port == "443":
		return host
	default:
		return host + " " + port
	}
}
