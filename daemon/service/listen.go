package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"time"

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
func (s *Service) listenMore() {
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
	s.openExtra()
}

// listenAgain is how often an address that could not be opened is tried again.
const listenAgain = 2 * time.Second

// open opens the account's own local address. What keeps it from being open is
// a condition of the account: its session goes on, and so do other accounts.
func (s *Service) open() {
	err := s.proxy.Listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(s.account.Port)))
	if err != nil {
		s.board.RaiseWith(&health.ProxyDown, err.Error(), s.listenRemedy(err))
		return
	}
	s.listenMore()
	s.board.Clear(&health.ProxyDown)
}

// listenRemedy is what the user can do about err of the account's own address.
func (s *Service) listenRemedy(err error) string {
	move := fmt.Sprintf("give the account another port: `shelfkeeper account set %s --port 0` finds a free one", s.account.Name)
	if s.portGiven {
		move = fmt.Sprintf("give the account another port: `listen` of [accounts.%s] in config.toml", s.account.Name)
	}
	var taken *proxy.PortTaken
	if errors.As(err, &taken) {
		return "end that program, or " + move
	}
	if errors.Is(err, fs.ErrPermission) {
		return "ports below 1024 need special rights; " + move
	}
	return move
}

// serve serves players until Close. It waits for the local address if that
// could not be opened yet.
func (s *Service) serve(ctx context.Context) {
	again := time.NewTicker(listenAgain)
	defer again.Stop()
	for s.proxy.Addr() == nil {
		select {
		case <-again.C:
			s.open()
		case <-ctx.Done():
			return
		}
	}
	again.Stop()
	if err := s.proxy.Serve(); err != nil {
		s.board.Raise(&health.ProxyDown, err.Error())
	}
}

// chosenProblem explains why an address of the command line could not be
// opened.
func chosenProblem(err error) error {
	var taken *proxy.PortTaken
	if errors.As(err, &taken) {
		return problem.New(problem.PortTaken, taken, "choose another --listen")
	}
	if errors.Is(err, fs.ErrPermission) {
		return problem.New(problem.PortTaken, err, "choose a port from 1024 on with --listen")
	}
	return problem.New(problem.Usage, fmt.Errorf("open the local address: %w", err), "choose another --listen, for example 127.0.0.1:0")
}
