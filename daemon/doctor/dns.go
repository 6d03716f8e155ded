package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
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

// viaProxy reports whether requests go through a proxy, which then looks names up.
func (r *run) viaProxy() bool {
	address, _ := r.Up.ProxyInUse()
	return address != "" && address != "direct"
}

// family is what the name has in one of the two kinds of addresses.
type family struct {
	name, network string
	all           []netip.Addr
	missing       error // why there is none
	alive, dead   []string
	noRoute       bool // this machine has no way to addresses of this kind
}

// dns looks the name up in both families, and tries each address that it has.
func (r *run) dns(ctx context.Context) Finding {
	host := r.base.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return ok("%s is an address and needs no name server", host)
	}
	if r.viaProxy() {
		return ok("the proxy looks %s up", host)
	}
	families := []*family{{name: "IPv4", network: "ip4"}, {name: "IPv6", network: "ip6"}}
	var asked sync.WaitGroup
	for _, f := range families {
		asked.Go(func() { r.try(ctx, host, f) })
	}
	asked.Wait()
	v4, v6 := families[0], families[1]
	if len(v4.all)+len(v6.all) == 0 {
		return fault("check the name in the server's address, and this machine's connection", "%v", firstCause(v4.missing, v6.missing, host))
	}
	said := host + ": " + v4.String() + "; " + v6.String()
	alive := len(v4.alive)+len(v6.alive) > 0
	switch dead := len(v4.dead) + len(v6.dead); {
	case !alive: // the next check has the reason in words
		return ok("%s", said)
	case dead > 0:
		return note("take the dead addresses out of the name's records, or mend them: programs that try them first wait for them", "%s", said)
	}
	return ok("%s", said)
}

func firstCause(one, other error, host string) error {
	var dns *net.DNSError
	for _, err := range []error{one, other} {
		if errors.As(err, &dns) && !dns.IsNotFound {
			return err // a server that failed says more than a name that is not there
		}
	}
	if one != nil {
		return one
	}
	return fmt.Errorf("%s has no address", host)
}

// try looks up one family, and dials each address.
func (r *run) try(ctx context.Context, host string, f *family) {
	if f.all, f.missing = r.Resolver.LookupNetIP(ctx, f.network, host); f.missing != nil {
		return
	}
	errs := make([]error, len(f.all))
	var dials sync.WaitGroup
	for i, a := range f.all {
		dials.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, dialDeadline)
			defer cancel()
			c, err := r.Dial(ctx, "tcp", net.JoinHostPort(a.Unmap().String(), r.port()))
			if errs[i] = err; err == nil {
				_ = c.Close() // nothing was sent
			}
		})
	}
	dials.Wait()
	for i, a := range f.all {
		switch text := a.Unmap().String(); {
		case errs[i] == nil:
			f.alive = append(f.alive, text)
		case f.network == "ip6" && (errors.Is(errs[i], syscall.ENETUNREACH) || errors.Is(errs[i], syscall.EADDRNOTAVAIL) ||
			errors.Is(errs[i], syscall.EAFNOSUPPORT)):
			f.noRoute = true
		default:
			f.dead = append(f.dead, text)
		}
	}
}

func (f *family) String() string {
	var parts []string
	if len(f.alive) > 0 {
		parts = append(parts, strings.Join(f.alive, ", ")+" answers")
	}
	if len(f.dead) > 0 {
		parts = append(parts, strings.Join(f.dead, ", ")+" is dead")
	}
	if f.noRoute {
		parts = append(parts, "an address, and this machine has no "+f.name)
	}
	if len(parts) == 0 {
		parts = append(parts, "none")
	}
	return f.name + " " + strings.Join(parts, ", ")
}
