package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// pinForm asks a person whether a certificate that nobody vouches for is the server's.
type pinForm struct {
	Title    string
	Path     string // where a yes is sent
	Server   string // what was typed, for a first sign-in
	Address  string // where the certificate is shown
	SHA256   string
	Facts    []absapi.PinFact
	Question string
	Back     string
	CSRF     string
}

// unvouched returns the certificate that alone keeps a server from being used.
func unvouched(err error) *absapi.Unvouched {
	var found *absapi.DiscoverError
	if errors.As(err, &found) {
		return found.Unvouched
	}
	return nil
}

func (s *Server) showPin(w http.ResponseWriter, r *request, status int, u *absapi.Unvouched, form pinForm) {
	form.Title, form.Address, form.SHA256, form.Facts, form.Question = text("pin.title"), u.Address, u.SHA256, u.Facts(), absapi.PinQuestion
	form.CSRF = s.keys.token(r.session)
	s.page(w, r, status, "pin", frame{Title: form.Title, Here: "home", Body: form})
}

// askFirstPin asks about the certificate that kept a first sign-in from its server. What
// was said of a gateway waits for the answer.
func (s *Server) askFirstPin(w http.ResponseWriter, r *request, typed string, gateway upstream.GatewayChange, u *absapi.Unvouched) {
	s.gates.put(r.session, typed, gateway)
	s.showPin(w, r, http.StatusOK, u, pinForm{Path: "/sign-in/pin", Server: redact.Text(typed), Back: "/sign-in"})
}

// firstPin looks for the server once more, with the certificate that was confirmed.
func (s *Server) firstPin(w http.ResponseWriter, r *request) {
	typed := strings.TrimSpace(r.PostFormValue("server"))
	gateway := s.gates.of(r.session, typed)
	var to []string
	if gateway.Pin != nil {
		to = gateway.Pin.For
	}
	gateway.Pin = &upstream.Pin{SHA256: r.PostFormValue("pin"), For: to}
	s.lookThrough(w, r, typed, gateway, true)
}

// mayPin reports whether an account waits for a word about a certificate: its remedy
// names the command for that.
func mayPin(a health.Account) bool {
	return a.Level != health.OK && strings.Contains(a.Remedy, " --pin ")
}

// askPin asks about the certificate of an account's server.
func (s *Server) askPin(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	u, err := s.cfg.Daemon.Unvouched(r.Context(), a.Name)
	switch {
	case u != nil:
		s.showPin(w, r, http.StatusOK, u, pinForm{Path: accountPath(a.Name, "certificate"), Back: accountPath(a.Name)})
	case err != nil:
		s.failed(w, r, a, err)
	default:
		done(w, r, accountPath(a.Name, "gateway"), "act.believed")
	}
}

// pin trusts the certificate that the user confirmed, at the address that showed it.
func (s *Server) pin(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	change := upstream.GatewayChange{Pin: &upstream.Pin{SHA256: r.PostFormValue("pin")}}
	if u, err := url.Parse(r.PostFormValue("address")); err == nil && u.Host != "" {
		change.Pin.For = []string{upstream.Origin(u)}
	}
	if err := s.cfg.Daemon.SetGateway(r.Context(), a.Name, change); err != nil {
		s.failed(w, r, a, err)
		return
	}
	done(w, r, accountPath(a.Name), "act.pinned")
}
