package main

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"shelfkeeper/assets"
	"shelfkeeper/tray"
)

// onPage says where a person without a terminal does what a command does: at a page,
// or with a form of the status page and, after a space, its field. What begins with
// "only" is for a terminal alone, and says why.
var onPage = map[string]string{
	"account list": "GET /", "account show": "GET /accounts/*", "account rename": "/settings/name name",
	"account remove": "/accounts/*/sign-out",
	"account set":    "/accounts/*/gateway", "account set --port": "/settings/port port",
	"account set --remove": "/accounts/*/gateway remove",
	"login":                "/sign-in/look server", "login --username": "/sign-in username", "login --password-stdin": "/sign-in password",
	"login --api-key-stdin": "/sign-in token", "login --token-stdin": "/sign-in token", "login --oidc": "/sign-in/openid",
	"login --no-browser": "only: the page is in the browser", "login --no-spare": "/sign-in/openid/skip",
	"login --account": "/settings/name name", // a name is given afterwards
	"login --store":   "/sign-in store", "login --allow-http": "/sign-in accept", "login --no-store-password": "/sign-in keep",
	"login --emergency-key": "/accounts/*/key days", "account set --emergency-key": "/accounts/*/key days",
	"login --replace": "/accounts/*/sign-out", // a name is free then
	"logout":          "/accounts/*/sign-out", "logout --forget": "/accounts/*/forget",
	"password": "/accounts/*/password new", "password --passwords-stdin": "/accounts/*/password old",
	"reauth": "/accounts/*/renew", "reauth --same-server": "/accounts/*/same-server",
	"status": "GET /", "status --watch": "GET /", "status --full": "GET /",
	"open": "/accounts/*/open", "open --scope": "/accounts/*/open/admin", "open --print": "only: the page opens it",
	"play --attach": "only: a page cannot see what plays on the desktop",
	"open --app":    "only: a page cannot open a window without a browser's bars",
	"search":        "GET /search", "url": "GET /search", "url --format": "GET /search",
	"url --number": "only: the page shows each with its own",
	"play":         "GET /search", "play --player": "only: the page gives the address to any program",
	"play --number": "only: the page shows each with its own",
	"page":          "GET /", "page --print": "only: this is the page",
	"players list": "GET /players", "players add": "/players/add name", "players add --scope": "/players/add scope",
	"players add --for": "/players/add for",
	"players trust":     "/players/trust origin", "players revoke": "/players/revoke player",
	"pause": "/accounts/*/pause", "pause --until": "/accounts/*/pause minutes", "resume": "/accounts/*/resume",
	"progress list": "GET /accounts/*/reports", "progress retry": "/accounts/*/reports/retry id",
	"progress retry --all": "/accounts/*/reports/retry id", "progress drop": "/accounts/*/reports/retry id",
	"progress drop --all": "/accounts/*/reports/retry id",
	"history":             "GET /record", "logs": "GET /record/log", "logs --follow": "GET /record/log", "logs --since": "GET /record/log",
	"report": "GET /record/report", "report --yes": "GET /record/report",
	"doctor": "/sign-in/check server", "doctor --long": "/accounts/*/check long",
	"doctor --report": "GET /record/report", "doctor --yes": "GET /record/report",
	"config show": "GET /settings", "config path": "GET /settings", "config check": "only: the page refuses what is not in order",
	"autostart on": "/settings/start", "autostart off": "/settings/start", "autostart status": "GET /settings",
	"autostart on --headless": "/settings/start on", "autostart on --passphrase-file": "/settings/start passphrase",
	"quit": "/settings/quit", "restart": "/restart", "uninstall": "only: the page belongs to a program that is installed",
	"uninstall --forget": "/accounts/*/forget",
	"uninstall --yes":    "only: there is no question on a page that does not do it", "version": "GET /",
	"run": "only: the page belongs to a program that runs", "run --no-tray": "only: how it is started",
	"run --no-page": "only: how it is started", "run --show": "only: how it is started",
	"help": "only: help for the terminal", "completion": "only: for a shell",
	"tray": "only: the icon's process", "tray --no-notifications": "/settings/set value", "tray --click-opens": "/settings/set value",
	"tray --log-level": "/settings/set value",
}

// gatewayOnPage are the fields of a gateway's flags: before a first sign-in, and of an
// account.
var gatewayOnPage = map[string][2]string{
	"gateway": {"header1", "name"}, "header": {"header1", "name"}, "basic": {"basic", "user"}, "basic-header": {"basicheader", "header"},
	"token-in-url": {"basicheader", "header"}, "client-cert": {"chainfile", "chainfile"}, "client-key": {"keyfile", "keyfile"},
	"client-p12": {"p12", "p12"}, "ca": {"cafile", "cafile"},
	"pin": {"pin", "pin"}, "proxy": {"proxy", "proxy"}, "user-agent": {"agent", "agent"},
	"for": {"for", "for"}, "stdin": {"value1", "value"},
}

var (
	definition  = regexp.MustCompile(`(?s)\{\{define "([^"]+)"\}\}`)
	inclusion   = regexp.MustCompile(`\{\{template "([^"]+)"[^}]*\}\}`)
	placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)
	formOfPage  = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)"(.*?)</form>`)
	fieldOfForm = regexp.MustCompile(` name="([^"]+)"`)
)

// forms are the fields of each form of the page, by where it is sent; * stands for an
// account.
func forms(t *testing.T) map[string]map[string]bool {
	t.Helper()
	parts := map[string]string{}
	err := fs.WalkDir(assets.Page, "page", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".html") {
			return err
		}
		content, err := assets.Page.ReadFile(path)
		text := string(content)
		at := definition.FindAllStringSubmatchIndex(text, -1)
		for i, m := range at {
			end := len(text)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			parts[text[m[2]:m[3]]] = text[m[1]:end]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]bool{}
	for _, text := range parts {
		for range 4 { // parts of parts
			text = inclusion.ReplaceAllStringFunc(text, func(m string) string { return parts[inclusion.FindStringSubmatch(m)[1]] })
		}
		for _, m := range formOfPage.FindAllStringSubmatch(text, -1) {
			action := strings.ReplaceAll(placeholder.ReplaceAllString(m[1], "*"), "*", "/accounts/*")
			if found[action] == nil {
				found[action] = map[string]bool{}
			}
			for _, f := range fieldOfForm.FindAllStringSubmatch(m[2], -1) {
				found[action][placeholder.ReplaceAllString(f[1], "1")] = true
			}
		}
	}
	return found
}

// Nothing can be done in a terminal only: each command and each flag has its place on
// the status page, or a reason.
func TestEverythingIsOnThePage(t *testing.T) {
	there := forms(t)
	// The forms whose place is in the data: of an account, and of what is looked at.
	for action, of := range map[string]string{"/accounts/*/renew": "/accounts/*", "/accounts/*/open": "/accounts/*",
		"/accounts/*/open/admin": "/accounts/*", "/accounts/*/resume": "/accounts/*", "/accounts/*/check": "/accounts/*",
		"/accounts/*/gateway": "/accounts/*", "/sign-in/check": "/accounts/*"} {
		if there[of] == nil {
			t.Fatalf("no form is sent to %s", of)
		}
		if there[action] == nil {
			there[action] = map[string]bool{}
		}
		maps.Copy(there[action], there[of])
	}
	here := func(what, place string) {
		t.Helper()
		if strings.HasPrefix(place, "only: ") || strings.HasPrefix(place, "GET /") {
			return
		}
		action, field, _ := strings.Cut(place, " ")
		if there[action] == nil {
			t.Errorf("%s: no form is sent to %s; there are %q", what, action, slices.Sorted(maps.Keys(there)))
		} else if field != "" && !there[action][field] {
			t.Errorf("%s: the form of %s has no field %s: %v", what, action, field, there[action])
		}
	}
	missing := maps.Clone(onPage)
	for _, c := range commandsOf(newRoot(&env{})) {
		name := strings.TrimPrefix(c.CommandPath(), "shelfkeeper ")
		if _, demo := strings.CutPrefix(name, "demo"); demo || name == "shelfkeeper" || strings.HasPrefix(name, "completion ") {
			continue // a demonstration is for developers
		}
		if c.Runnable() && !c.HasAvailableSubCommands() {
			delete(missing, name)
			if onPage[name] == "" {
				t.Errorf("%s: where is it on the page?", name)
			}
			here(name, onPage[name])
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			what := name + " --" + f.Name
			place, gateway := gatewayOnPage[f.Name]
			switch {
			case f.Hidden || f.Name == "help" || f.Name == "account" && name != "login":
			case gateway && name == "login":
				here(what, "/sign-in/look "+place[0])
			case gateway && name == "account set":
				here(what, "/accounts/*/gateway "+place[1])
			default:
				delete(missing, what)
				if onPage[what] == "" {
					t.Errorf("%s: where is it on the page?", what)
				}
				here(what, onPage[what])
			}
		})
	}
	for what := range missing {
		if what != "help" && what != "completion" {
			t.Errorf("there is no %s", what)
		}
	}
}

// commandsOf are the visible commands below c.
func commandsOf(c *cobra.Command) (list []*cobra.Command) {
	if c.Hidden {
		return nil
	}
	list = append(list, c)
	for _, sub := range c.Commands() {
		list = append(list, commandsOf(sub)...)
	}
	return list
}

// What the icon's menu does, a command and the page do too.
func TestWhatTheMenuDoesIsOnThePage(t *testing.T) {
	for act, command := range map[tray.Act]string{
		tray.Open: "open", tray.OpenAsAdmin: "open --scope", tray.OpenAsApp: "open --app", tray.Reauthenticate: "reauth",
		tray.Pause: "pause", tray.PauseTomorrow: "pause --until",
		tray.Resume: "resume", tray.ShowPage: "page", tray.ShowPlayers: "players list", tray.CheckUp: "doctor",
		tray.StartAtLogin: "autostart on",
		tray.StopAtLogin:  "autostart off", tray.Quit: "quit", tray.Restart: "restart", tray.Copy: "status",
	} {
		if onPage[command] == "" {
			t.Errorf("%s: the page has nothing like it", fmt.Sprint(act, " ", command))
		}
	}
	if tray.Quit != 15 {
		t.Error("the menu has acts that stand nowhere in this table")
	}
}
