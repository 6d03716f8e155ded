package survival

import (
	"net/http"
	"sync"
)

// native models the mobile app: a 401 makes it present the refresh token from
// secure storage, each request for itself; the new pair is written down after
// it came; and any failure on the way, of the network and of the repeated
// request too, signs the user out and clears the refresh token.
//
// Source: advplyr/audiobookshelf-app at 12025ab5, plugins/nativeHttp.js
// (request, handleTokenRefresh, refreshAccessToken, updateTokens,
// handleRefreshFailure); android ApiHandler.kt of the same does alike.
type native struct {
	mu sync.Mutex
	model
}

func newNative(*world) client { return &native{} }

func (n *native) begin(l *life) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.model.begin(l)
}

func (n *native) signedOut() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.model.signedOut()
}

func (n *native) request(no int) ending {
	n.mu.Lock()
	l, held, out := n.life, n.held, n.out
	n.mu.Unlock()
	if out {
		return failed // the app shows its sign-in page
	}
	if e := n.play(l, no, held.access); e != unauthorized {
		return e
	}
	n.mu.Lock()
	stored := n.disk.refresh
	n.mu.Unlock()
	if stored == "" {
		n.signOut(l)
		return unauthorized
	}
	fresh, err := l.tokens(refreshPath, http.Header{"X-Refresh-Token": {stored}}, "{}")
	if err != nil {
		n.signOut(l)
		return unauthorized
	}
	n.keep(l, fresh)
	e := n.play(l, no, fresh.access)
	if e != served {
		n.signOut(l)
	}
	return e
}

// keep writes the pair down, then uses it.
func (n *native) keep(l *life, p pair) {
	durable := l.disk() == nil
	n.mu.Lock()
	defer n.mu.Unlock()
	if durable {
		n.disk, n.out = p, false
	}
	if n.life == l {
		n.held = p
	}
}

func (n *native) signOut(l *life) {
	if l.isDead() {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.disk, n.held, n.out = pair{}, pair{}, true
}

func (n *native) signIn() error {
	n.mu.Lock()
	l := n.life
	n.mu.Unlock()
	fresh, err := l.signInBy(http.Header{"X-Return-Tokens": {"true"}})
	if err != nil {
		return err
	}
	n.keep(l, fresh)
	return nil
}
