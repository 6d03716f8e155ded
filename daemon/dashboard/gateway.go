package dashboard

import (
	"net/http"
	"strings"
	"time"
)

// gatewayView is what stands in front of an account's server.
type gatewayView struct {
	Account, Title, Path, Back string
	Parts                      []partView
	Kinds                      []kindView
	CSRF                       string
}

// partView is one setting of a gateway.
type partView struct {
	GatewayPart
	Label, Note string
}

// kindView is a form for one kind of setting.
type kindView struct {
	Kind  GatewayKind
	Open  bool // it was sent and is not in order
	Typed map[string]string
}

var gatewayKinds = []GatewayKind{GatewayHeader, GatewayBasic, GatewayCert, GatewayCA, GatewayPin, GatewayProxy, GatewayAgent}

func (s *Server) showGateway(w http.ResponseWriter, r *request) {
	s.gatewayPage(w, r, http.StatusOK, frame{}, "")
}

func (s *Server) gatewayPage(w http.ResponseWriter, r *request, status int, f frame, wrong GatewayKind) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	parts, err := s.cfg.Daemon.Gateway(r.Context(), a.Name)
	if err != nil && f.Trouble == nil {
		f.Trouble = troubleOf(err)
	}
	v := gatewayView{Account: a.Name, Title: titleOfAccount(a), Path: accountPath(a.Name, "gateway"), Back: accountPath(a.Name),
		CSRF: s.keys.token(r.session)}
	for _, p := range parts {
		one := partView{GatewayPart: p, Label: text("gate." + string(p.Kind))}
		var notes []string
		if len(p.For) > 0 {
			notes = append(notes, text("gate.for", strings.Join(p.For, ", ")))
		}
		if !p.Until.IsZero() {
			notes = append(notes, text("gate.until", when(p.Until, time.Now()).Words))
		}
		if p.Logged {
			notes = append(notes, text("gate.logged"))
		}
		if p.Elsewhere {
			notes = append(notes, text("gate.elsewhere"))
		}
		one.Note = strings.Join(notes, " ")
		v.Parts = append(v.Parts, one)
	}
	for _, kind := range gatewayKinds {
		k := kindView{Kind: kind, Open: kind == wrong, Typed: map[string]string{}}
		if k.Open { // what is secret is typed again
			for _, name := range []string{"name", "user", "header", "for", "pin", "agent"} {
				k.Typed[name] = r.PostFormValue(name)
			}
		}
		v.Kinds = append(v.Kinds, k)
	}
	f.Title, f.Here, f.Body = text("gate.title", v.Title), "settings", v
	s.page(w, r, status, "gateway", f)
}

func (s *Server) setGateway(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	kind := GatewayKind(r.PostFormValue("kind"))
	change, err := changeOf(r, kind)
	if err == nil && change.IsZero() {
		s.gatewayPage(w, r, http.StatusUnprocessableEntity, frame{Trouble: &trouble{Text: text("gate.empty")}}, kind)
		return
	}
	if err == nil {
		err = s.cfg.Daemon.SetGateway(r.Context(), a.Name, change)
	}
	if err != nil {
		s.gatewayPage(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)}, kind)
		return
	}
	done(w, r, accountPath(a.Name, "gateway"), "act.gateway")
}
