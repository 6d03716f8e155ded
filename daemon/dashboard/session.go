package dashboard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"shelfkeeper/daemon/problem"
)

const (
	// cookieName is unlike any at the players' port: cookies ignore ports.
	cookieName = "shelfkeeper_page"
	// sessionLife is how long a page that nobody looks at may be acted on.
	sessionLife = 24 * time.Hour
	// sessionFresh is how old a session may be before it is renewed on use.
	sessionFresh = time.Hour
	// linkPath takes a one-time link.
	linkPath = "/enter"
	// linkLife is how long a browser may take to start and to ask.
	linkLife = 30 * time.Second
	// maxLinks bounds what waits to be opened.
	maxLinks = 16
)

// session is a browser that may use the page. It is kept by the browser alone,
// sealed with a key that ends with the daemon.
type session struct {
	id     [16]byte
	issued time.Time
}

func (s session) valid() bool { return !s.issued.IsZero() }

// sessions makes and reads the cookie. It has nothing in common with a player's
// grant: it opens this page, and nothing at the players' port.
type sessions struct{ key [32]byte }

const sealedLen = 16 + 8

func (k *sessions) mac(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, k.key[:])
	h.Write([]byte(purpose))
	h.Write(data)
	return h.Sum(nil)
}

// write returns the session as the browser keeps it.
func (k *sessions) write(s session) string {
	data := binary.BigEndian.AppendUint64(s.id[:len(s.id):len(s.id)], uint64(s.issued.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(data, k.mac("session\n", data)...))
}

// read returns the session of a cookie that this daemon made and that is not
// too old.
func (k *sessions) read(cookie string) (session, bool) {
	data, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(data) != sealedLen+sha256.Size || !hmac.Equal(data[sealedLen:], k.mac("session\n", data[:sealedLen])) {
		return session{}, false
	}
	s := session{issued: time.Unix(int64(binary.BigEndian.Uint64(data[16:sealedLen])), 0)}
	copy(s.id[:], data)
	if age := time.Since(s.issued); age < -time.Minute || age > sessionLife {
		return session{}, false
	}
	return s, true
}

// token goes into each form of a session.
func (k *sessions) token(s session) string {
	return base64.RawURLEncoding.EncodeToString(k.mac("form\n", s.id[:]))
}

func (k *sessions) isToken(s session, presented string) bool {
	return hmac.Equal([]byte(presented), []byte(k.token(s)))
}

// keep gives the browser a session, or renews the one it has: its forms stay
// good.
func (r *request) keep(w http.ResponseWriter) {
	if r.session.valid() && time.Since(r.session.issued) < sessionFresh {
		return
	}
	if !r.session.valid() {
		rand.Read(r.session.id[:]) // never fails (crypto/rand)
	}
	r.session.issued = time.Now().Truncate(time.Second)
	path := "/"
	if !r.own {
		path = r.server.keys.prefix(r.session) + "/"
	}
	// Without a Domain it belongs to this host alone; without an age it ends with
	// the browser.
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: r.server.keys.write(r.session), Path: path, HttpOnly: true,
		SameSite: http.SameSiteStrictMode})
}

// links are the addresses that let a browser in. Each works once, for a short
// time: an address ends up in histories and process lists.
type links struct {
	mu   sync.Mutex
	list map[[sha256.Size]byte]time.Time // until when, by the nonce's hash
}

func (l *links) add(now time.Time) (nonce string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for hash, until := range l.list {
		if now.After(until) {
			delete(l.list, hash)
		}
	}
	if len(l.list) >= maxLinks {
		return "", errors.New("too many pages are waiting to be opened; try again in half a minute")
	}
	if l.list == nil {
		l.list = make(map[[sha256.Size]byte]time.Time)
	}
	nonce = rand.Text()
	l.list[sha256.Sum256([]byte(nonce))] = now.Add(linkLife)
	return nonce, nil
}

// take reports whether the nonce is good, once.
func (l *links) take(nonce string, now time.Time) bool {
	hash := sha256.Sum256([]byte(nonce))
	l.mu.Lock()
	defer l.mu.Unlock()
	until, ok := l.list[hash]
	delete(l.list, hash)
	return ok && !now.After(until)
}

// Link returns an address that opens the page in the user's browser: at the
// account of that name, or where a person looks first. It works once, within
// 30 s. Its error is a *problem.Problem.
func (s *Server) Link(account string) (string, error) {
	if !s.isOpen() {
		s.tryNow()
		return "", problem.Newf(problem.PortTaken, s.TakenRemedy(), "%w: port %d is taken by another program", errNotListening,
			s.cfg.Port)
	}
	nonce, err := s.links.add(time.Now())
	if err != nil {
		return "", problem.New(problem.Other, fmt.Errorf("open the status page: %w", err), "")
	}
	query := url.Values{"link": {nonce}}
	if account != "" {
		query.Set("account", account)
	}
	return s.origin + linkPath + "?" + query.Encode(), nil
}

// TakenRemedy is what helps where another program has the page's port.
func (s *Server) TakenRemedy() string {
	return fmt.Sprintf("end the program that has port %d, or set page_port in config.toml", s.cfg.Port)
}

// placeOf is where the user goes on with an account: at the form that mends it,
// or at its state.
func (s *Server) placeOf(name string) string {
	for _, a := range s.cfg.Daemon.Snapshot().Accounts {
		switch what := mends[a.Condition]; {
		case a.Name != name:
		case what == "sign-in":
			return accountPath(name, "sign-in")
		case what == "passphrase":
			return accountPath(name, "unlock")
		case what == "same-server":
			return accountPath(name, "same-server")
		}
	}
	return accountPath(name)
}

// enter takes a link and leads on to a page that has none in its address.
func (s *Server) enter(w http.ResponseWriter, r *request) {
	// A browser that only looks ahead must not use the link up.
	if r.Method != http.MethodGet || r.Header.Get("Sec-Purpose") != "" {
		s.say(w, r, badMethod)
		return
	}
	if !s.links.take(r.FormValue("link"), time.Now()) {
		s.say(w, r, linkUsed)
		return
	}
	r.keep(w)
	to := "/"
	if name := r.FormValue("account"); name != "" {
		to = s.placeOf(name)
		switch r.FormValue("part") {
		case "players":
			to = "/players#came-" + url.PathEscape(name)
		case "check":
			to = accountPath(name, "check")
		}
	}
	if !r.own {
		to = s.keys.prefix(r.session) + to
	}
	http.Redirect(w, r.Request, to, http.StatusSeeOther)
}
