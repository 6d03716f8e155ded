package answers

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

// cookieLife is how long a browser keeps the refresh token; each use renews
// it.
const cookieLife = 30 * 24 * time.Hour

// CookieName is of the account, since cookies ignore ports: two accounts, and
// a server of one's own on this machine, must not overwrite each other's.
func CookieName(account string) string {
	sum := sha256.Sum256([]byte(account))
	return "shelfkeeper_" + hex.EncodeToString(sum[:4]) + "_refresh"
}

// cookie returns the refresh token in c's cookie. It counts only from a program
// of the user: whatever listens on another port of this host gets the cookie
// too, once the user looks at it with the same browser.
func (s *Local) cookie(c *Request) string {
	found, err := c.Cookie(CookieName(s.cfg.Account.Name))
	if err != nil || found.Value == "" || !c.fromUser() {
		return ""
	}
	return found.Value
}

func (s *Local) setCookie(w http.ResponseWriter, refresh string) {
	http.SetCookie(w, &http.Cookie{
		Name: CookieName(s.cfg.Account.Name), Value: refresh, Path: "/", MaxAge: int(cookieLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func (s *Local) clearCookie(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: CookieName(s.cfg.Account.Name), Path: "/", MaxAge: -1, HttpOnly: true,
		SameSite: http.SameSiteStrictMode})
}
