package service

import (
	"net"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/hostname"
)

// Snapshot is the state of the account, without a secret in it.
func (s *Service) Snapshot() health.Account {
	view, _, _ := s.board.View()
	extra, fingerprint := s.extraShown()
	stats, socket := s.proxy.Stats(), s.socket.Snapshot()
	a := health.Account{
		Name: s.account.Name, Server: hostname.Shown(s.account.Server), User: s.account.Username, Admin: s.proxy.Administers(),
		Level: view.Level, Condition: view.Condition, Reason: view.Reason, Remedy: view.Remedy, Since: health.At(view.Since),
		Socket: health.Socket{State: string(socket.State), Since: health.At(socket.Since), Reconnects: socket.Reconnects,
			Reason: socket.Reason},
		Proxy: health.Proxy{
			URL: s.URL(), Extra: extra, ExtraCertificate: fingerprint, Requests: stats.Requests, Bytes: stats.Bytes, Active: int(stats.Active),
			Unauthorized: stats.Unauthorized, Resumed: stats.Resumed, Held: stats.Held, Refused: s.refused(),
			Visitors: s.visitors(), Streams: s.streams(),
		},
		Vault: health.Vault{Backend: s.account.Store}, Progress: s.progress(),
	}
	if common, _ := s.up.InUse(); s.addresses.several() {
		if a.Address = "none answers"; common != nil {
			a.Address = common.String()
		}
	}
	s.session.Fill(&a)
	if s.account.Method != accounts.OIDC {
		a.Session.Spare = "" // a stored password does the same
	}
	if proxy, from := s.up.ProxyInUse(); proxy != "" {
		a.Through = proxy + ", which " + proxySetBy[from]
	}
	a.Session.Method = shownMethod(s.account, a.Session.Method)
	a.Remedy = shownRemedy(s.account, a.Condition, a.Remedy)
	return a
}

// refusedKept is how long a program that was refused is told of.
const refusedKept = 24 * time.Hour

// refused are the programs that were refused something.
func (s *Service) refused() (list []health.Refused) {
	for _, r := range s.proxy.Refused() {
		if time.Since(r.Last) > refusedKept {
			break // the newest come first
		}
		list = append(list, health.Refused{
			Program: r.Program, Origin: r.Origin, Reason: r.Refusal.Name, Cause: r.Refusal.Cause, Remedy: r.Refusal.Remedy,
			Count: r.Count, Last: health.At(r.Last),
		})
	}
	return list
}

// URL is the address that players use.
func (s *Service) URL() string {
	addr, ok := s.proxy.Addr().(*net.TCPAddr)
	if !ok {
		return s.account.ProxyURL()
	}
	return accounts.ProxyURL(addr.Port)
}
