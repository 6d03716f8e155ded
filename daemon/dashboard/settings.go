package dashboard

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// settingsView is what can be changed here, and where the rest stands.
type settingsView struct {
	CanStart bool
	Start    Start
	SealedBy string // the file of a passphrase that was typed and is not in order
	Accounts []portView
	General  []settingView
	Later    bool // the daemon starts again for a change
	File     string
	Page     string
	CSRF     string
}

// portView is the players' port of an account.
type portView struct {
	Account, Title, Address, Port string
	Wrong                         bool
	Settings                      []settingView
	Gateway, Password             string // the pages about it; no Password where there is none
	Name                          string
	WrongName                     bool
}

func (s *Server) showSettings(w http.ResponseWriter, r *request) {
	s.settings(w, r, http.StatusOK, frame{}, mistake{})
}

// mistake is what was typed and is not in order.
type mistake struct {
	key, account string
	typed        []string
}

// settings shows the settings.
func (s *Server) settings(w http.ResponseWriter, r *request, status int, f frame, wrong mistake) {
	v := settingsView{File: s.cfg.File, Page: s.URL(), CSRF: s.keys.token(r.session)}
	for _, one := range general {
		v.General = append(v.General, s.settingOf(one, "", wrong))
	}
	if s.cfg.Starts != nil {
		start, err := s.cfg.Starts(r.Context())
		v.CanStart, v.Start = err == nil, start
		if err != nil && f.Trouble == nil {
			f.Trouble = troubleOf(err)
		}
	}
	if wrong.key == "start" {
		v.SealedBy = wrong.typed[0]
	}
	for _, a := range s.cfg.Daemon.Snapshot().Accounts {
		p := portView{Account: a.Name, Title: titleOfAccount(a), Address: a.Proxy.URL,
			Gateway: accountPath(a.Name, "gateway")}
		if u, err := url.Parse(a.Proxy.URL); err == nil {
			p.Port = u.Port()
		}
		known, _ := s.cfg.Daemon.Known(a.Name)
		if p.Name = known.Alias; p.Name == "" {
			p.Name = a.Name
		}
		if known.Method == ByPassword {
			p.Password = accountPath(a.Name, "password")
		}
		if wrong.key == "name" && a.Name == wrong.account {
			p.Name, p.WrongName = wrong.typed[0], true
		}
		if wrong.key == "port" && a.Name == wrong.account {
			p.Port, p.Wrong = wrong.typed[0], true
		}
		for _, one := range ofAccounts {
			p.Settings = append(p.Settings, s.settingOf(one, a.Name, wrong))
		}
		v.Accounts = append(v.Accounts, p)
	}
	f.Title, f.Here, f.Body = text("set.title"), "settings", v
	s.page(w, r, status, "settings", f)
}

func (s *Server) setPort(w http.ResponseWriter, r *request) {
	account, typed := r.PostFormValue("account"), strings.TrimSpace(r.PostFormValue("port"))
	port, err := strconv.Atoi(typed)
	if err != nil || port < 1 || port > 65535 {
		s.settings(w, r, http.StatusUnprocessableEntity, frame{Trouble: &trouble{Text: text("set.port.wrong")}},
			mistake{"port", account, []string{typed}})
		return
	}
	if _, err := s.cfg.Daemon.SetPort(r.Context(), account, port); err != nil {
		s.settings(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)}, mistake{"port", account, []string{typed}})
		return
	}
	done(w, r, "/settings", "act.port")
}

// quit ends the daemon. Its answer is the last one.
func (s *Server) quit(w http.ResponseWriter, r *request) {
	s.page(w, r, http.StatusOK, "quit", frame{Title: text("quit.title"), Here: "settings"})
	s.cfg.Daemon.Quit()
}
