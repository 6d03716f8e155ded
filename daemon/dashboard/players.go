package dashboard

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/health"
)

// scopes are what a grant may open, the least first.
var scopes = []string{"listen", "full", "admin"}

// playersView is the programs of one account.
type playersView struct {
	Account  string
	Title    string
	Address  string
	Came     []cameView
	Refused  []refusedView
	Grants   []grantView
	Recipes  []recipe
	Scopes   []string
	Name     string // what was typed for a grant
	Wrong    bool
	CSRF     string
	Several  bool
	MayAdmin bool
}

// cameView is a program that was let in.
type cameView struct {
	Program, As, Scope, Requests string
	Last                         stamp
}

// refusedView is a program that was refused, and what the user can allow.
type refusedView struct {
	health.Refused
	Times string
	Last  stamp
	Allow string // the key of what the button does; "" for none
}

// grantView is a grant that was made.
type grantView struct {
	Player
	Made, Used stamp
	Kind       string
	ID         string
}

func (s *Server) showPlayers(w http.ResponseWriter, r *request) {
	s.playersPage(w, r, http.StatusOK, frame{Live: true}, "", "")
}

// playersPage shows the programs of every account. typed is a name that was not
// in order, for the account wrong.
func (s *Server) playersPage(w http.ResponseWriter, r *request, status int, f frame, wrong, typed string) {
	accounts := s.cfg.Daemon.Snapshot().Accounts
	grants, err := s.cfg.Daemon.Players(r.Context(), "")
	if err != nil {
		f.Trouble = troubleOf(err)
	}
	var views []playersView
	for _, a := range accounts {
		v := s.playersOf(a, grants, s.keys.token(r.session))
		v.Several = len(accounts) > 1
		if a.Name == wrong {
			v.Name, v.Wrong = typed, true
		}
		views = append(views, v)
	}
	f.Title, f.Here, f.Body = text("play.title"), "players", views
	s.page(w, r, status, "players", f)
}

func (s *Server) playersOf(a health.Account, grants []Player, csrf string) playersView {
	now := time.Now()
	v := playersView{Account: a.Name, Title: titleOfAccount(a), Address: a.Proxy.URL, Recipes: filled(a.Proxy.URL, ""),
		Scopes: scopes, CSRF: csrf, MayAdmin: a.Admin}
	names := map[string]string{}
	for _, g := range grants {
		if g.Account != a.Name {
			continue
		}
		names[g.ID] = g.Name
		v.Grants = append(v.Grants, grantView{Player: g, Made: when(g.Created, now), Used: when(g.LastUsed, now),
			Kind: textOr("kind."+g.Kind, g.Kind), ID: g.ID})
	}
	for _, p := range a.Proxy.Visitors {
		as := text("play.own")
		if p.Grant != "" {
			as = text("play.gone")
			if name, ok := names[p.Grant]; ok {
				as = text("play.grant", name)
			}
		}
		v.Came = append(v.Came, cameView{Program: p.Program, As: as, Scope: textOr("scope."+p.Scope, p.Scope),
			Requests: count("count.requests", int(p.Requests)), Last: when(p.Last.Time, now)})
	}
	for _, p := range a.Proxy.Refused {
		one := refusedView{Refused: p, Times: count("count.times", int(p.Count)), Last: when(p.Last.Time, now), Allow: "play.allow"}
		if p.Origin != "" {
			one.Allow = "play.trust"
		}
		v.Refused = append(v.Refused, one)
	}
	return v
}

// made is a new grant, shown in the answer to the act that made it.
type made struct {
	Name, Secret, Address, Scope string
	Own                          []recipe // of the one program that it was made for
	Without                      []string // what that program will not do
	Recipes                      []recipe
}

// addPlayer makes a grant. Its answer alone shows the secret.
func (s *Server) addPlayer(w http.ResponseWriter, r *request) {
	s.grant(w, r, r.PostFormValue("scope"), "")
}

// allowPlayer makes a grant for a program that was refused; a program in a webview
// is let in by the origin of its pages too.
func (s *Server) allowPlayer(w http.ResponseWriter, r *request) {
	s.grant(w, r, r.PostFormValue("scope"), r.PostFormValue("origin"))
}

func (s *Server) grant(w http.ResponseWriter, r *request, scope, origin string) {
	account, name := r.PostFormValue("account"), strings.TrimSpace(r.PostFormValue("name"))
	if !slices.Contains(scopes, scope) {
		scope = ""
	}
	program, scope := wanted(r.PostFormValue("for"), scope)
	got, err := s.cfg.Daemon.AddPlayer(r.Context(), account, name, scope)
	if err == nil && origin != "" {
		err = s.cfg.Daemon.TrustPlayer(r.Context(), account, name, origin)
	}
	if err != nil {
		s.playersPage(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)}, account, name)
		return
	}
	body := made{
		Name: name, Secret: got.Secret.Reveal(), Address: got.ProxyURL, Scope: text("scope." + scope),
		Recipes: filled(got.ProxyURL, got.Secret.Reveal()),
	}
	if program != nil {
		body.Own = []recipe{recipeFor(*program, got.ProxyURL, got.Secret.Reveal())}
		body.Without = without(program, scope, s.administers(got.Account))
	}
	s.page(w, r, http.StatusOK, "granted", frame{Title: text("play.made", name), Here: "players", Body: body})
}

// administers reports whether the user of an account is an administrator.
func (s *Server) administers(account string) bool {
	return slices.ContainsFunc(s.cfg.Daemon.Snapshot().Accounts, func(a health.Account) bool { return a.Name == account && a.Admin })
}

// trustPlayer lets the pages of a webview come in with a grant that is there.
func (s *Server) trustPlayer(w http.ResponseWriter, r *request) {
	account, origin := r.PostFormValue("account"), strings.TrimSpace(r.PostFormValue("origin"))
	if err := s.cfg.Daemon.TrustPlayer(r.Context(), account, r.PostFormValue("player"), origin); err != nil {
		s.playersPage(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)}, "", "")
		return
	}
	done(w, r, "/players", "act.trusted")
}

func (s *Server) revokePlayer(w http.ResponseWriter, r *request) {
	err := s.cfg.Daemon.RevokePlayer(r.Context(), r.PostFormValue("account"), r.PostFormValue("player"))
	if err != nil {
		s.playersPage(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)}, "", "")
		return
	}
	done(w, r, "/players", "act.revoked")
}
