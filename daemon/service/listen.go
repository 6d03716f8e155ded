package service

import (
	"errors"
	"net"
	"net/netip"

	"shelfkeeper/daemon/health"
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
