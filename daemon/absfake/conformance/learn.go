package conformance

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
)

// What the recorder's server was like is not in the recording as such; it is
// read from what the server answered.

var (
	setting     = regexp.MustCompile(`\b([A-Z][A-Z_]{6,})=([0-9]+)`)
	agentTold   = regexp.MustCompile(`"userAgent":\s*"([^"]+)"`)
	originTold  = regexp.MustCompile(`redirect_uri=(https?%3A%2F%2F[^%&"]+(?:%3A[0-9]+)?)%2F`)
	libraryTold = regexp.MustCompile(`"userDefaultLibraryId":\s*"|/api/items/|"libraryItemId"|/public/session/|/api/session/`)
	issuerTold  = regexp.MustCompile(`"authOpenIDIssuerURL":\s*"([^"]+)"`)
)

// learn reads the recorder's addresses and passwords.
func (w *World) learn() {
	if m := agentTold.FindSubmatch(w.rec.raw); m != nil {
		w.agent = string(m[1])
	}
	for _, c := range w.Cases {
		if m := originTold.FindStringSubmatch(c.heard()); m != nil {
			if u, err := url.QueryUnescape(m[1]); err == nil {
				w.Origin = strings.Replace(u, "https://", "http://", 1)
				break
			}
		}
	}
	for _, c := range w.Cases {
		if m := issuerTold.FindStringSubmatch(c.sent()); m != nil {
			w.provider = oidcprovider.New(oidcprovider.Config{Issuer: m[1], ClientID: "abs", ClientSecret: "sek"})
			break
		}
	}
	for _, c := range w.Cases {
		w.learnPasswords(c)
	}
}

// learnPasswords keeps the first password of each user that was right.
func (w *World) learnPasswords(c *Case) {
	if c.Request == nil || c.Response == nil || c.Response.Status != 200 {
		return
	}
	var body struct {
		Username, Password string
		NewPassword        *string
		NewRoot            struct{ Username, Password string }
	}
	if json.Unmarshal(c.Request.Body, &body) != nil {
		return
	}
	switch {
	case body.NewRoot.Username != "":
		w.keepPassword(body.NewRoot.Username, body.NewRoot.Password)
	case c.Request.Method == "POST" && body.Username != "":
		w.keepPassword(strings.ToLower(body.Username), body.Password)
	case body.NewPassword != nil:
		w.keepPassword(w.bearerName(c), body.Password)
	}
}

func (w *World) keepPassword(name, password string) {
	if _, known := w.passwords[name]; !known && name != "" {
		w.passwords[name] = password
	}
}

// password is the user's; where the recording does not tell one, any will do.
func (w *World) password(name string) string {
	if p, ok := w.passwords[name]; ok {
		return p
	}
	if name == "root" {
		return "correct-horse-1"
	}
	return name + "-pw-1"
}

// bearerName is whose token the request carried.
func (w *World) bearerName(c *Case) string {
	for _, p := range holders.FindAllString(c.sent(), -1) {
		if name := w.rec.Tokens[p].text("username"); name != "" {
			return name
		}
	}
	return ""
}

// config is the server's configuration.
func (w *World) config() absfake.Config {
	cfg := absfake.Config{Release: w.rec.Release(), Large: 1 << 20, LimiterMax: -1}
	for _, c := range w.Cases {
		for _, m := range setting.FindAllStringSubmatch(c.What, -1) {
			n, _ := strconv.Atoi(m[2])
			if m[1] == "REFRESH_TOKEN_GRACE_PERIOD" {
				cfg.Grace = time.Duration(n) * time.Second
			}
		}
		if c.Response != nil {
			if policy, ok := c.Response.Headers["ratelimit-policy"].(string); ok {
				limit, window, _ := strings.Cut(policy, ";w=")
				cfg.LimiterMax, _ = strconv.Atoi(limit)
				n, _ := strconv.Atoi(window)
				cfg.LimiterWindow = time.Duration(n) * time.Second
			}
		}
		if strings.Contains(c.heard(), "/login/") && c.Response != nil && c.Response.Status == 301 {
			cfg.WebClient = true
		}
		if c.Request == nil {
			continue
		}
		if c.Request.Path == "/init" {
			cfg.Uninitialised = true
		}
		if rest, ok := strings.CutSuffix(c.Request.Path, "/status"); ok && rest != "" {
			cfg.BasePath = rest
		}
	}
	for _, p := range w.plan.tokens {
		t := w.rec.Tokens[p]
		if !w.shortLived() {
			break // the release's own lifetimes are a fact to be compared
		}
		life := time.Duration(t.Lifetime) * time.Second
		switch t.text("type") {
		case absfake.TokenAccess:
			cfg.AccessTTL = life
		case absfake.TokenRefresh:
			cfg.RefreshTTL = life
		}
	}
	cfg.NoLibrary = !slices.ContainsFunc(w.Cases, func(c *Case) bool { return libraryTold.MatchString(c.heard() + c.sent()) })
	cfg.Users = w.users()
	if b, ok := w.book(); ok {
		cfg.Books = []absfake.Book{b}
	}
	if w.provider != nil {
		cfg.Outbound = w.provider
	}
	return cfg
}

// users are the accounts that the recorder had made beforehand.
func (w *World) users() []absfake.User {
	out := []absfake.User{{Name: "root", Password: w.password("root"), Type: "root"}}
	ids := map[string]bool{}
	for _, p := range w.plan.tokens {
		t := w.rec.Tokens[p]
		name, id := t.text("username"), t.text("userId")
		if name == "" || name == "root" || ids[id] || w.plan.registered(id) || w.plan.renamed(name) {
			continue
		}
		ids[id] = true
		out = append(out, absfake.User{Name: name, Password: w.password(name)})
	}
	for _, c := range w.Cases {
		var body struct{ Username, Password string }
		if c.Request == nil || c.Response == nil || c.Response.Status != 401 || json.Unmarshal(c.Request.Body, &body) != nil {
			continue
		}
		if strings.Contains(c.What, "disabled user") &&
			!slices.ContainsFunc(out, func(u absfake.User) bool { return u.Name == body.Username }) && body.Username != "" {
			out = append(out, absfake.User{Name: body.Username, Password: body.Password, Disabled: true})
		}
	}
	return out
}
