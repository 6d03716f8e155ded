package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/localcert"
	"shelfkeeper/daemon/proxy"
)

// Extra says where players of other networks are served.
type Extra struct {
	Addresses []netip.Addr
	// Plain are those of them at which plain http is spoken.
	Plain []netip.Addr
	// Certificate returns what https is spoken with at the others.
	Certificate func() (*localcert.Certificate, error)
}

// extraAgain is how often an address that could not be opened is tried again. The
// network that it belongs to may come up without a notice, as containers' do.
const extraAgain = 5 * time.Second

// extras are the addresses beyond this machine. Guarded by Service.mu.
type extras struct {
	served      []netip.AddrPort
	fingerprint string // of the certificate; "" where none is shown
	changed     chan struct{}
}

// openExtra opens what is not open yet. None of it keeps the account from being
// served; what fails is a condition, and tried again.
func (s *Service) openExtra() {
	tcp, ok := s.proxy.Addr().(*net.TCPAddr)
	if !ok {
		return
	}
	var faults []string
	remedy := ""
	fail := func(err error, helps string) {
		faults = append(faults, err.Error())
		if remedy == "" {
			remedy = helps
		}
	}
	var secure *tls.Config
	for _, addr := range s.extra.Addresses {
		at := netip.AddrPortFrom(addr, tcp.AddrPort().Port())
		if s.serves(at) {
			continue
		}
		plain := slices.Contains(s.extra.Plain, addr)
		if !plain && secure == nil {
			cert, err := s.certificate()
			if err != nil {
				fail(err, "correct listen_extra_cert and listen_extra_key in config.toml, or delete the damaged file; "+
					"then it is served by itself")
				continue
			}
			secure = cert.TLS
		}
		how := secure
		if plain {
			how = nil
		}
		if err := s.proxy.ListenExtra(at, how); err != nil {
			fail(err, extraRemedy(err))
			continue
		}
		s.mu.Lock()
		s.extras.served = append(s.extras.served, at)
		s.mu.Unlock()
	}
	if len(faults) > 0 {
		s.board.RaiseWith(&health.ExtraAddress, strings.Join(faults, "; "), remedy)
	} else {
		s.board.Clear(&health.ExtraAddress)
	}
	s.lookForExtra()
}

func (s *Service) certificate() (*localcert.Certificate, error) {
	if s.extra.Certificate == nil {
		return nil, errors.New("there is no certificate for listen_extra")
	}
	cert, err := s.extra.Certificate()
	if err == nil {
		s.mu.Lock()
		s.extras.fingerprint = cert.Fingerprint
		s.mu.Unlock()
	}
	return cert, err
}

func extraRemedy(err error) string {
	var taken *proxy.PortTaken
	if errors.As(err, &taken) {
		return "end that program: then the address is served by itself; or correct listen_extra in config.toml"
	}
	return "start the program that makes that network, such as Docker: then the address is served by itself; or correct " +
		"listen_extra in config.toml"
}

func (s *Service) serves(at netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.extras.served, at)
}

// lookForExtra says whether some network of this machine has each of the addresses.
// On Linux an address is opened before its network is there, so nothing fails then.
func (s *Service) lookForExtra() {
	here, err := net.InterfaceAddrs()
	if err != nil {
		return // nothing is known
	}
	var missing []string
	for _, addr := range s.extra.Addresses {
		has := slices.ContainsFunc(here, func(a net.Addr) bool {
			p, err := netip.ParsePrefix(a.String())
			return err == nil && p.Addr().Unmap() == addr
		})
		if !has && s.serves(netip.AddrPortFrom(addr, s.port())) {
			missing = append(missing, addr.String())
		}
	}
	if len(missing) == 0 {
		s.board.Clear(&health.ExtraAbsent)
		return
	}
	s.board.Raise(&health.ExtraAbsent, fmt.Sprintf("no network of this machine has %s now", strings.Join(missing, " and ")))
}

func (s *Service) port() uint16 {
	tcp, ok := s.proxy.Addr().(*net.TCPAddr)
	if !ok {
		return 0
	}
	return tcp.AddrPort().Port()
}

// retryExtra opens the addresses that could not be opened, until ctx ends.
func (s *Service) retryExtra(ctx context.Context) {
	if len(s.extra.Addresses) == 0 {
		return
	}
	again := time.NewTimer(extraAgain)
	defer again.Stop()
	for {
		s.mu.Lock()
		all := len(s.extras.served) == len(s.extra.Addresses)
		s.mu.Unlock()
		if all {
			again.Stop() // a notice of the network says the rest
		} else {
			again.Reset(extraAgain)
		}
		select {
		case <-again.C:
		case <-s.extras.changed:
		case <-ctx.Done():
			return
		}
		s.openExtra()
	}
}

// extraChanged has retryExtra look at once.
func (s *Service) extraChanged() {
	select {
	case s.extras.changed <- struct{}{}:
	default: // it is about to look
	}
}

// extraShown are the addresses as they are shown, and the certificate there.
func (s *Service) extraShown() (list []string, fingerprint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.extras.served {
		if slices.Contains(s.extra.Plain, at.Addr()) {
			list = append(list, "http://"+at.String())
			continue
		}
		list = append(list, "https://"+at.String())
		fingerprint = s.extras.fingerprint
	}
	return list, fingerprint
}
