package survival

import (
	"net/http"
	"sync"
)

// browser models the server's web client: a 401 makes one request present the
// refresh_token cookie while the others queue; the browser stores the new
// cookie with the answer, in one; if that request fails in whatever way, the
// access token is removed and the sign-in page shown, and no password is kept.
//
// Source: advplyr/audiobookshelf at 1b46d680, client/plugins/axios.js (onError),
// client/store/user.js (refreshToken, setAccessToken), client/pages/login.vue.
type browser struct {
	mu sync.Mutex
	model
	renewing *renewal
}

// renewal is one that other requests wait for.
type renewal struct {
	done   chan struct{}
	access string // "" when it failed
}

func newBrowser(*world) client { return &browser{} }

func (b *browser) begin(l *life) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.model.begin(l)
	b.renewing = nil
}

func (b *browser) signedOut() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.model.signedOut()
}

func (b *browser) request(no int) ending {
	b.mu.Lock()
	l, held, out := b.life, b.held, b.out
	b.mu.Unlock()
	if out {
		return failed // the page to sign in
	}
	if e := b.play(l, no, held.access); e != unauthorized {
		return e
	}
	access := b.renew(l)
	if access == "" {
		return unauthorized
	}
	return b.play(l, no, access)
}

// renew presents the cookie, or waits for who does.
func (b *browser) renew(l *life) string {
	b.mu.Lock()
	if r := b.renewing; r != nil {
		b.mu.Unlock()
		<-r.done
		return r.access
	}
	r := &renewal{done: make(chan struct{})}
	b.renewing = r
	cookie := b.disk.refresh
	b.mu.Unlock()
	fresh, err := l.tokens(refreshPath, http.Header{"Cookie": {"refresh_token=" + cookie}}, "")
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case l.isDead():
	case err != nil:
		// The cookie stays, but nothing uses it any more.
		b.held.access, b.disk.access, b.out = "", "", true
	default:
		b.held, b.disk, r.access = fresh, fresh, fresh.access
	}
	if b.renewing == r {
		b.renewing = nil
	}
	close(r.done)
	return r.access
}

func (b *browser) signIn() error {
	b.mu.Lock()
	l := b.life
	b.mu.Unlock()
	fresh, err := l.signInBy(http.Header{})
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil && !l.isDead() {
		b.held, b.disk, b.out = fresh, fresh, false
	}
	return err
}
