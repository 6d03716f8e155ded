package absfake

import (
	"net/http"
	"regexp"
	"slices"
)

// authSettings are the settings of signing in, in the server's order. Guarded by
// Server.mu. abs: server/objects/settings/ServerSettings.js
type authSettings struct {
	values    object
	subfolder any // authOpenIDSubfolderForRedirectURLs; nil: never set
}

func newAuthSettings() authSettings {
	return authSettings{values: object{
		{"authLoginCustomMessage", nil},
		{"authActiveAuthMethods", []string{"local"}},
		{"authOpenIDIssuerURL", nil},
		{"authOpenIDAuthorizationURL", nil},
		{"authOpenIDTokenURL", nil},
		{"authOpenIDUserInfoURL", nil},
		{"authOpenIDJwksURL", nil},
		{"authOpenIDLogoutURL", nil},
		{"authOpenIDClientID", nil},
		{"authOpenIDClientSecret", nil},
		{"authOpenIDTokenSigningAlgorithm", "RS256"},
		{"authOpenIDButtonText", "Login with OpenId"},
		{"authOpenIDAutoLaunch", false},
		{"authOpenIDAutoRegister", false},
		{"authOpenIDMatchExistingBy", nil},
		{"authOpenIDMobileRedirectURIs", []string{"audiobookshelf://oauth"}},
		{"authOpenIDGroupClaim", ""},
		{"authOpenIDAdvancedPermsClaim", ""},
	}}
}

const subfolderKey = "authOpenIDSubfolderForRedirectURLs"

// secretSettings are not told to browsers.
var secretSettings = []string{
	"authOpenIDClientID", "authOpenIDClientSecret", "authOpenIDMobileRedirectURIs", "authOpenIDGroupClaim", "authOpenIDAdvancedPermsClaim",
}

func (a *authSettings) get(key string) any {
	for _, p := range a.values {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

func (a *authSettings) text(key string) string { t, _ := a.get(key).(string); return t }

func (a *authSettings) flag(key string) bool { b, _ := a.get(key).(bool); return b }

func (a *authSettings) methods() []string {
	m, _ := a.get("authActiveAuthMethods").([]string)
	return m
}

func (a *authSettings) set(key string, v any) {
	for i, p := range a.values {
		if p.key == key {
			a.values[i].value = v
		}
	}
}

func (a *authSettings) withSubfolder(o object) object {
	if a.subfolder != nil {
		o = append(o, pair{subfolderKey, a.subfolder})
	}
	return o
}

// forBrowser is what everybody may know.
func (a *authSettings) forBrowser() object {
	var o object
	for _, p := range a.values {
		if !slices.Contains(secretSettings, p.key) {
			o = append(o, p)
		}
	}
	return a.withSubfolder(o)
}

// openID tells whether sign-in through a provider is on and complete.
func (a *authSettings) openID() bool {
	for _, key := range []string{
		"authOpenIDIssuerURL", "authOpenIDAuthorizationURL", "authOpenIDTokenURL", "authOpenIDUserInfoURL", "authOpenIDJwksURL",
		"authOpenIDClientID", "authOpenIDClientSecret", "authOpenIDTokenSigningAlgorithm",
	} {
		if a.text(key) == "" {
			return false
		}
	}
	return true
}

// samplePermissions is the example that the settings page shows.
const samplePermissions = `{
  "canDownload": false,
  "canUpload": false,
  "canDelete": false,
  "canUpdate": false,
  "canAccessExplicitContent": false,
  "canAccessAllLibraries": false,
  "canAccessAllTags": false,
  "canCreateEReader": false,
  "tagsAreDenylist": false,
  "allowedLibraries": [
    "5406ba8a-16e1-451d-96d7-4931b0a0d966",
    "918fd848-7c1d-4a02-818a-847435a879ca"
  ],
  "allowedTags": [
    "ExampleTag",
    "AnotherTag",
    "ThirdTag"
  ]
}`

func (s *Server) getAuthSettings(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	s.mu.Lock()
	o := s.auth.withSubfolder(slices.Clone(s.auth.values))
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, append(o, pair{"authOpenIDSamplePermissions", samplePermissions}))
}

// patchAuthSettings takes over what is valid and passes over the rest without a
// word: only "updated" tells whether anything was.
// abs: server/controllers/MiscController.js, updateAuthSettings
func (s *Server) patchAuthSettings(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	body, ok := q.body.(map[string]any)
	if !ok {
		sendText(w, q.Request, http.StatusBadRequest, "Invalid auth settings update object")
		return
	}
	s.mu.Lock()
	updated := false
	for _, p := range s.auth.values {
		if v, given := body[p.key]; given && s.auth.update(p.key, p.value, v) {
			updated = true
		}
	}
	if v, given := body[subfolderKey]; given {
		if text, isText := v.(string); isText && s.auth.subfolder != any(text) {
			s.auth.subfolder, updated = text, true
		}
	}
	o := object{{"updated", updated}, {"serverSettings", s.settings()}}
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, o)
}

// redirectURI is what the server takes for one: no port, no query, and a scheme
// of word characters only.
var redirectURI = regexp.MustCompile(`(?i)^\w+://[\w.-]+(/[\w./-]*)*$`)

func (a *authSettings) update(key string, old, v any) bool {
	switch key {
	case "authActiveAuthMethods":
		var methods []string
		for _, m := range texts(v) {
			if m == "local" || m == "openid" {
				methods = append(methods, m)
			}
		}
		slices.Sort(methods)
		if len(methods) == 0 || slices.Equal(methods, a.methods()) {
			return false
		}
		a.set(key, methods)
	case "authOpenIDMobileRedirectURIs":
		uris, isList := v.([]any)
		list := texts(v)
		if !isList || len(list) != len(uris) || (slices.Contains(list, "*") && len(list) > 1) {
			return false
		}
		for _, u := range list {
			if u != "*" && !redirectURI.MatchString(u) {
				return false
			}
		}
		before, _ := old.([]string)
		if sameSet(before, list) {
			return false
		}
		a.set(key, list)
	case "authOpenIDAutoLaunch", "authOpenIDAutoRegister":
		b, isBool := v.(bool)
		if !isBool || b == old {
			return false
		}
		a.set(key, b)
	default:
		text, isText := v.(string)
		if v != nil && !isText {
			return false
		}
		var next any
		if text != "" {
			next = text
		}
		if next == old || (next == nil && old == "") {
			return false
		}
		a.set(key, next)
	}
	return true
}

// texts are the strings of a list.
func texts(v any) []string {
	list, _ := v.([]any)
	out := []string{}
	for _, e := range list {
		if t, ok := e.(string); ok {
			out = append(out, t)
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	in := func(list []string) func(string) bool {
		return func(e string) bool { return !slices.Contains(list, e) }
	}
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}
