package answers

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"

	"shelfkeeper/daemon/proxy/refusal"
)

const (
	// openLife is how long a browser may take to start and to ask.
	openLife = 30 * time.Second
	// maxOpenings bounds what is waiting to be opened.
	maxOpenings = 16
	// pageName is how the web client's sign-in is called in the list of players.
	pageName = "web page"
)

// openings are the addresses that open the web client signed in. Each works
// once, for a short time: an address ends up in histories and process lists.
type openings struct {
	mu   sync.Mutex
	list map[[sha256.Size]byte]opening // by the nonce's hash
}

type opening struct {
	scope players.Scope
	until time.Time
}

func (o *openings) add(nonce string, scope players.Scope, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for hash, one := range o.list {
		if now.After(one.until) {
			delete(o.list, hash)
		}
	}
	if len(o.list) >= maxOpenings {
		return errors.New("too many pages are waiting to be opened; try again in half a minute")
	}
	if o.list == nil {
		o.list = make(map[[sha256.Size]byte]opening)
	}
	o.list[sha256.Sum256([]byte(nonce))] = opening{scope, now.Add(openLife)}
	return nil
}

// take returns the scope that goes with the nonce, once.
func (o *openings) take(nonce string, now time.Time) (players.Scope, bool) {
	hash := sha256.Sum256([]byte(nonce))
	o.mu.Lock()
	defer o.mu.Unlock()
	one, ok := o.list[hash]
	delete(o.list, hash)
	return one.scope, ok && !now.After(one.until)
}

// OpenURL returns an address under which this server's web client opens signed
// in with scope. It works once, within 30 s, for a browser of the user.
func (s *Local) OpenURL(scope players.Scope) (string, error) {
	if s.cfg.Account.SignIns == nil {
		return "", errors.New("open the web page: nobody signs in here")
	}
	var random [24]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	nonce := base64.RawURLEncoding.EncodeToString(random[:])
	if err := s.openings.add(nonce, scope, time.Now()); err != nil {
		return "", fmt.Errorf("open the web page: %w", err)
	}
	u := url.URL{Scheme: "http", Host: s.cfg.PageHost(), Path: "/_shelfkeeper/open", RawQuery: "nonce=" + nonce}
	return u.String(), nil
}

// openPage answers GET /_shelfkeeper/open. What it answers is readable by the
// server's own scripts, a service worker for one; they hold the token anyhow,
// and it is worth nothing elsewhere.
func (s *Local) openPage(w http.ResponseWriter, c *Request) *refusal.Refusal {
	h := c.Header
	switch {
	case s.cfg.Account.SignIns == nil:
		return refusal.NoSignIn
	// An address can be read off a process list by other users of the machine, so the
	// system must say that the browser is the user's.
	case !c.fromUser():
		return refusal.NeedsGrant
	// Nothing embeds this page, and no script asks for it.
	case h["Sec-Fetch-Mode"] != nil && (h.Get("Sec-Fetch-Mode") != "navigate" || h.Get("Sec-Fetch-Dest") != "document"):
		return refusal.OtherOrigin
	case c.Method != http.MethodGet: // HEAD, of a browser that looks ahead
		return refusal.BadMethod
	}
	scope, ok := s.openings.take(c.URL.Query().Get("nonce"), time.Now())
	if !ok {
		return refusal.OpenedAlready
	}
	_, pair, err := s.cfg.Account.SignIns.SignIn(c.Context(), players.Caller{Scope: scope}, pageName)
	if err != nil {
		return refusal.NoKey.Because(redact.Text(err.Error()))
	}
	var random [16]byte
	rand.Read(random[:])
	nonce := base64.RawURLEncoding.EncodeToString(random[:])
	var page bytes.Buffer
	if err := openTemplate.Execute(&page, map[string]string{
		"Nonce": nonce, "Token": pair.Access, "To": strings.TrimRight(s.cfg.BasePath, "/") + "/",
	}); err != nil {
		return refusal.OpenedAlready.Because(err.Error())
	}
	out := w.Header()
	out.Set("Content-Type", "text/html; charset=utf-8")
	out.Set("Cache-Control", "no-store")
	out.Set("Referrer-Policy", "no-referrer")
	out.Set("X-Content-Type-Options", "nosniff")
	out.Set("X-Frame-Options", "DENY")
	out.Set("Cross-Origin-Opener-Policy", "same-origin")
	out.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = page.WriteTo(w) // the browser may be gone
	return nil
}

// openTemplate puts the token where the web client keeps its own (abs:
// client/store/user.js: setAccessToken; client/pages/login.vue: checkAuth) and
// goes on to it, leaving no way back to this page.
var openTemplate = template.Must(template.New("open").Parse(`<!doctype html>
<meta charset="utf-8">
<title>Audiobookshelf</title>
<script nonce="{{.Nonce}}">
localStorage.setItem("token", {{.Token}});
location.replace({{.To}});
</script>
<noscript>Audiobookshelf needs JavaScript.</noscript>
`))
