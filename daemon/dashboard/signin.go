package dashboard

import (
	"net/http"
	"strings"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// firstRun is the way from an address to a session.
type firstRun struct {
	Typed string // the address
	Found *Found
	Keys  credentials
	storeForm
	Accept bool // the user lets secrets travel unencrypted
	Behind bool // something was typed about a gateway
}

// storeForm is the part of a form that asks where secrets go.
type storeForm struct {
	Store  Store
	Chosen string // by the user, before
	Wrong  string // the field that the trouble is about
	ID     string // keeps the fields of several forms of a page apart
}

// Part is the form's part for one of several forms of a page.
func (f storeForm) Part(id string) storeForm {
	f.ID = id
	return f
}

// credentials is what a form of sign-in offers.
type credentials struct {
	Path    string // where it is sent
	User    string
	Keep    bool
	OpenID  bool
	Local   bool
	Token   bool
	Wrong   string // the field that the trouble is about
	Focused string // the field in which typing goes on
}

// minPassphrase keeps a file from being sealed with next to nothing.
const minPassphrase = 8

func (s *Server) askAddress(w http.ResponseWriter, r *request) {
	s.showAddress(w, r, http.StatusOK, firstRun{}, frame{})
}

func (s *Server) showAddress(w http.ResponseWriter, r *request, status int, body firstRun, f frame) {
	if f.Trouble != nil {
		words, changed := inForm(f.Trouble.Remedy, "gate.flag.first")
		f.Trouble.Remedy, body.Behind = words, body.Behind || changed
	}
	f.Title, f.Here, f.Body = text("first.title"), "home", body
	s.page(w, r, status, "address", f)
}

// look finds the server behind what was typed and shows how it lets people in.
func (s *Server) look(w http.ResponseWriter, r *request) {
	typed := strings.TrimSpace(r.PostFormValue("server"))
	if typed == "" {
		s.showAddress(w, r, http.StatusUnprocessableEntity, firstRun{}, frame{Trouble: &trouble{Text: text("first.empty")}})
		return
	}
	gateway, err := firstGateway(r)
	if err != nil {
		s.showAddress(w, r, http.StatusUnprocessableEntity, firstRun{Typed: redact.Text(typed), Behind: true},
			frame{Trouble: troubleOf(err)})
		return
	}
	s.lookThrough(w, r, typed, gateway, !gateway.IsZero())
}

// lookThrough looks for the server behind a gateway. behind: the user said something of one.
func (s *Server) lookThrough(w http.ResponseWriter, r *request, typed string, gateway upstream.GatewayChange, behind bool) {
	found, err := s.cfg.Daemon.Look(r.Context(), typed, gateway)
	if u := unvouched(err); u != nil {
		s.askFirstPin(w, r, typed, gateway, u)
		return
	}
	if err != nil {
		s.showAddress(w, r, http.StatusUnprocessableEntity, firstRun{Typed: redact.Text(typed), Behind: behind},
			frame{Trouble: troubleOf(err)})
		return
	}
	found.Behind = behind
	s.gates.put(r.session, found.Server, gateway)
	s.showWays(w, r, http.StatusOK, found, credentials{Keep: true}, nil)
}

// showWays shows the forms that fit the server.
func (s *Server) showWays(w http.ResponseWriter, r *request, status int, found Found, keys credentials, why *trouble) {
	keys.Path, keys.Local, keys.OpenID, keys.Token = "/sign-in", found.Password || !found.OpenID, found.OpenID, true
	body := firstRun{Typed: found.Server, Found: &found, Keys: keys, storeForm: s.storeForm(r, keys.Wrong),
		Accept: r.PostFormValue("accept") != ""}
	s.page(w, r, status, "ways", frame{Title: text("first.title"), Here: "home", Trouble: why, Body: body})
}

// signInFirst signs in with what was typed. Its answer alone shows the grant.
func (s *Server) signInFirst(w http.ResponseWriter, r *request) {
	in, wrong, why := s.typed(r)
	var answer SignedIn
	if why == nil {
		var err error
		if answer, err = s.cfg.Daemon.SignIn(r.Context(), in); err == nil {
			s.gates.put(r.session, "", upstream.GatewayChange{})
			s.showDone(w, r, answer)
			return
		}
		why = troubleOf(err)
	}
	// Only what is behind the address is asked again; the password is not sent
	// twice.
	found, err := s.cfg.Daemon.Look(r.Context(), in.Server, in.Gateway)
	if u := unvouched(err); u != nil {
		s.askFirstPin(w, r, in.Server, in.Gateway, u)
		return
	}
	if err != nil {
		s.showAddress(w, r, http.StatusUnprocessableEntity, firstRun{Typed: redact.Text(in.Server)}, frame{Trouble: why})
		return
	}
	if wrong == "" {
		wrong = "password"
		if r.PostFormValue("method") == string(ByToken) {
			wrong = "token"
		}
	}
	s.showWays(w, r, http.StatusUnprocessableEntity, found, credentials{User: in.Username, Keep: in.Keep, Wrong: wrong}, why)
}

// typed reads a form of sign-in. wrong is the field that is not in order, and
// why says what is.
func (s *Server) typed(r *request) (in SignIn, wrong string, why *trouble) {
	in = SignIn{
		Server: strings.TrimSpace(r.PostFormValue("server")), Username: strings.TrimSpace(r.PostFormValue("username")),
		Keep: r.PostFormValue("keep") != "", AllowHTTP: r.PostFormValue("accept") != "",
	}
	in.Gateway = s.gates.of(r.session, in.Server)
	missing := func(field, key string) (SignIn, string, *trouble) { return in, field, &trouble{Text: text(key)} }
	switch r.PostFormValue("method") {
	case string(ByToken):
		if in.Token = redact.New(strings.TrimSpace(r.PostFormValue("token"))); in.Token.IsEmpty() {
			return missing("token", "first.notoken")
		}
	case string(ByPassword):
		// Audiobookshelf lets users have an empty password.
		in.Password = redact.New(r.PostFormValue("password"))
		if in.Username == "" {
			return missing("username", "first.noname")
		}
	}
	var key string
	if in.Store, in.Passphrase, key = s.chosenStore(r); key != "" {
		return missing("passphrase", key)
	}
	return in, "", nil
}

// chosenStore reads where secrets go; key says what is wrong with that.
func (s *Server) chosenStore(r *request) (store string, pass redact.Secret, key string) {
	known := s.cfg.Daemon.Store()
	pass = redact.New(r.PostFormValue("passphrase"))
	switch {
	case known.Backend == "file" && !known.Open:
		if pass.IsEmpty() {
			return "", pass, "first.pass.missing"
		}
		return "", pass, ""
	case known.Backend != "":
		return "", redact.Secret{}, ""
	case r.PostFormValue("store") != "file":
		return "os", redact.Secret{}, ""
	case len(pass.Reveal()) < minPassphrase:
		return "file", pass, "first.pass.short"
	case !pass.Matches(r.PostFormValue("passphrase2")):
		return "file", pass, "first.pass.differ"
	}
	return "file", pass, ""
}

func (s *Server) storeForm(r *request, wrong string) storeForm {
	f := storeForm{Store: s.cfg.Daemon.Store(), Chosen: r.PostFormValue("store"), Wrong: wrong}
	if f.Chosen == "" {
		f.Chosen = f.Store.Wanted
	}
	return f
}

// finished is the end of a first sign-in.
type finished struct {
	Title, Path, Open string
	Players           string
	Address, Grant    string
	Recipes           []recipe
	Warnings          []string
	CSRF              string
}

func (s *Server) showDone(w http.ResponseWriter, r *request, a SignedIn) {
	s.page(w, r, http.StatusOK, "done", frame{Title: text("done.title"), Here: "home", Body: finished{
		Title: titleOf(a.User, a.Server, a.Account), Path: accountPath(a.Account), Open: accountPath(a.Account, "open"), Players: "/players",
		Address: a.ProxyURL, Grant: a.Grant.Reveal(), Recipes: filled(a.ProxyURL, a.Grant.Reveal()), Warnings: a.Warnings,
		CSRF: s.keys.token(r.session),
	}})
}
