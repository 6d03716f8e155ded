package dashboard

import (
	"net/http"
	"slices"
	"strings"
)

// setting is one key of the configuration that can be changed here.
type setting struct {
	key     string
	kind    string   // line, lines, switch or choice
	choices []string // of a choice
}

// general hold for everything, and ofAccounts for the way to one server.
var (
	general = []setting{
		{"notifications", "switch", nil},
		{"icon_click", "choice", []string{"page", "audiobookshelf"}},
		{"page_port", "line", nil},
		{"store", "choice", []string{"os", "file"}},
		{"local_access", "choice", []string{"user", "grant"}},
		{"listen_extra", "lines", nil},
		{"listen_extra_http", "lines", nil},
		{"listen_extra_cert", "line", nil},
		{"listen_extra_key", "line", nil},
		{"extra_hosts", "lines", nil},
		{"trusted_origins", "lines", nil},
		{"user_agent", "line", nil},
		{"log_level", "choice", []string{"debug", "info", "warn", "error"}},
	}
	ofAccounts = []setting{
		{"addresses", "lines", nil},
		{"trust_http", "switch", nil},
	}
)

// path is the key as the configuration has it.
func (s setting) path(account string) []string {
	if account == "" {
		return []string{s.key}
	}
	return []string{"accounts", account, "upstream", s.key}
}

// settingView is one setting as it stands.
type settingView struct {
	Key, Account, ID string
	Kind             string
	Label, Says      string
	Now              string // what holds, in words
	Value            string
	Choices          []choiceView
	Given            bool // config.toml says so
	Wrong            bool
}

// choiceView is one value to choose.
type choiceView struct {
	Value, Label string
	Chosen       bool
}

func (s *Server) settingOf(one setting, account string, wrong mistake) settingView {
	values, given := s.cfg.Daemon.Setting(one.path(account)...)
	v := settingView{Key: one.key, Account: account, ID: strings.Trim(one.key+"-"+account, "-"), Kind: one.kind, Given: given,
		Label: text("set." + one.key), Says: text("set." + one.key + ".says"), Value: strings.Join(values, "\n"),
		Wrong: wrong.key == one.key && wrong.account == account}
	v.Now = strings.Join(values, ", ")
	if one.kind == "switch" {
		one.choices = []string{"true", "false"}
	}
	for _, c := range one.choices {
		v.Choices = append(v.Choices, choiceView{c, wordOf(one, c), c == v.Value})
		if c == v.Value {
			v.Now = wordOf(one, c)
		}
	}
	if v.Now == "" {
		v.Now = text("set.none")
	}
	if v.Wrong {
		v.Value = strings.Join(wrong.typed, "\n")
	}
	return v
}

// wordOf is a value in words.
func wordOf(one setting, value string) string {
	if one.kind == "switch" {
		return text("set.is." + value)
	}
	return textOr("set."+one.key+"."+value, value)
}

// restart moves over to the program that is installed now.
func (s *Server) restart(w http.ResponseWriter, r *request) {
	if err := s.cfg.Daemon.CheckProgram(r.Context()); err != nil {
		s.settings(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)}, mistake{})
		return
	}
	back := "/settings?done=" + "act.restarted"
	s.page(w, r, http.StatusOK, "restarting", frame{Title: text("set.again"), Here: "settings", Restart: back, Body: restarting{Back: back}})
	s.cfg.Daemon.Replace()
}

// restarting is the page of a daemon that starts again.
type restarting struct {
	Back  string // where the page goes on
	Moved string // the page's new address; "" where it stays
}

// set changes a setting, and has the daemon start again with it.
func (s *Server) set(w http.ResponseWriter, r *request) {
	key, account := r.PostFormValue("key"), r.PostFormValue("account")
	list := general
	if account != "" {
		list = ofAccounts
	}
	i := slices.IndexFunc(list, func(one setting) bool { return one.key == key })
	if i < 0 {
		s.say(w, r, notFound)
		return
	}
	typed := strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("value"), "\r\n", "\n"))
	var values []string
	if typed != "" {
		values = strings.Split(typed, "\n")
	}
	if err := s.cfg.Daemon.SetSetting(r.Context(), list[i].path(account), values); err != nil {
		s.settings(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)}, mistake{key, account, values})
		return
	}
	body := restarting{Back: "/settings?done=" + "act.set"}
	f := frame{Title: text("set.again"), Here: "settings", Restart: body.Back}
	if key == "page_port" && typed != "" {
		body.Moved, f.Restart = "http://"+hostName+":"+typed+"/", ""
	}
	f.Body = body
	s.page(w, r, http.StatusOK, "restarting", f)
	s.cfg.Daemon.Restart()
}
