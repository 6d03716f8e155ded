package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/upstream"
)

// dialDeadline is how long one address of the server has to answer.
const dialDeadline = 3 * time.Second

func (r *run) port() string {
	if p := r.base.Port(); p != "" {
		return p
	}
	if r.base.Scheme == "https" {
		return "443"
	}
	return "80"
}

// dns looks the name up, and tries each address that it has.
func (r *run) dns(ctx context.Context) Finding {
	host := r.base.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return ok("%s is an address and needs no name server", host)
	}
	if address, _ := r.Up.ProxyInUse(); address != "" && address != "direct" {
		return ok("the proxy looks %s up", host)
	}
	all, err := r.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fault("check the name in the server's address, and this machine's connection", "%v", err)
	}
	var alive, dead []string
	var mu sync.Mutex
	var asked sync.WaitGroup
	for _, a := range all {
		asked.Go(func() {
			d := net.Dialer{Timeout: dialDeadline}
			c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(a.Unmap().String(), r.port()))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				dead = append(dead, a.Unmap().String())
				return
			}
			_ = c.Close() // nothing was sent
			alive = append(alive, a.Unmap().String())
		})
	}
	asked.Wait()
	switch {
	case len(alive) == 0: // the next check has the reason in words
		return ok("%s is %s", host, strings.Join(dead, ", "))
	case len(dead) > 0:
		return note("take the dead addresses out of the name's records, or mend them: the first connection of each program waits for them",
			"%s answers at %s; nothing answers at %s", host, strings.Join(alive, ", "), strings.Join(dead, ", "))
	}
	return ok("%s answers at %s", host, strings.Join(alive, ", "))
}

// connect makes a connection as every request does, TLS included. What is wrong
// with the certificate is left to the next check.
func (r *run) connect(ctx context.Context) Finding {
	_, err := r.get(ctx, "ping", nil)
	if err == nil || isCertificate(err) {
		return ok("a connection was made")
	}
	return r.obstacle(err)
}

func isCertificate(err error) bool {
	text := err.Error()
	return strings.Contains(text, "x509:") || strings.Contains(text, "tls:") || strings.Contains(text, "certificate")
}

// soonEnds is when the end of a certificate is worth a word.
const soonEnds = 14 * 24 * time.Hour

// tls looks at the certificate that the server shows.
func (r *run) tls(ctx context.Context) Finding {
	if r.base.Scheme != "https" {
		return ok("the address is plain http")
	}
	resp, err := r.get(ctx, "ping", nil)
	if err != nil {
		return r.obstacle(err)
	}
	if resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return unknown("no certificate was seen")
	}
	leaf := resp.TLS.PeerCertificates[0]
	said := fmt.Sprintf("%s by %s, until %s, %s", strings.Join(append([]string{}, leaf.DNSNames...), ", "), leaf.Issuer.String(),
		leaf.NotAfter.Format("2 January 2006"), tls.VersionName(resp.TLS.Version))
	if left := time.Until(leaf.NotAfter); left < soonEnds {
		return note("have the certificate renewed", "%s: it ends in %d days", said, int(left.Hours()/24))
	}
	return ok("%s", said)
}

// encryption says whether secrets cross a public network in clear.
func (r *run) encryption(ctx context.Context) Finding {
	if r.base.Scheme == "https" {
		return ok("https")
	}
	if allowed, why := upstream.PlainHTTPAllowed(ctx, r.resolver, r.base); !allowed {
		return fault("give the server a certificate, for example through Caddy, and sign in at its https address", "plain http, and %s", why)
	}
	return note("a certificate at home, too, proves that it is your server that answers", "plain http within your own network")
}

// get asks the server without a secret. The body is read and closed; at most 4
// kB of it are kept in the answer.
func (r *run) get(ctx context.Context, path string, header http.Header) (*answer, error) {
	return r.send(ctx, http.MethodGet, path, header)
}
