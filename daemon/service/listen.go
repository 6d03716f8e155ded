package service

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/proxy"
)

// listenMore opens what the local address of an account is besides 127.0.0.1. None
// of it keeps the account from being served; what fails is shown.
//
// The other loopback address is taken because "localhost" means either: where
// it is free, any user of the machine could wait there for players that
// present a grant.
func (s *Service) listenMore(extra []netip.Addr) {
	tcp, ok := s.proxy.Addr().(*net.TCPAddr)
	if !ok {
		return
	}
	port := tcp.AddrPort().Port()
	if tcp.IP.To4() != nil {
		err := s.proxy.Listen(netip.AddrPortFrom(netip.IPv6Loopback(), port).String())
		var taken *proxy.PortTaken
		switch {
		case errors.As(err, &taken):
			s.board.Raise(&health.LocalhostTaken, taken.Error())
		case err != nil:
			s.log.Debug("no IPv6 here", "reason", err)
		}
	}
	for _, addr := range extra {
		at := netip.AddrPortFrom(addr, port)
		if err := s.proxy.ListenExtra(at); err != nil {
			s.board.Raise(&health.ExtraAddress, err.Error())
			continue
		}
		s.extra = append(s.extra, at.String())
	}
}

// listenProblem explains why the local address of a could not be opened;
// chosen says that it came from the command line.
func listenProblem(a accounts.Account, chosen bool, err error) error {
	var taken *proxy.PortTaken
	if errors.As(err, &taken) {
		remedy := fmt.Sprintf("end that program; players hold the address of account %s, so Shelfkeeper does not move by itself", a.Name)
		if chosen {
			remedy = "choose another --listen"
		}
		return problem.New(problem.PortTaken, taken, remedy)
	}
	err = fmt.Errorf("open the local address: %w", err)
	if chosen {
		return problem.New(problem.Usage, err, "choose another --listen, for example 127.0.0.1:0")
	}
	return problem.New(problem.PortTaken, err, "")
}

func listenAddr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
