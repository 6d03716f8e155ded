package survival

import (
	"errors"
	"net/http"
	"sync"
)

// relogin models a client that keeps the password: any 401 makes one request
// present the refresh token while the others wait; if that fails in whatever
// way, be it the network, the stored password signs in at once. Nothing signs
// the user out, and nothing keeps it from trying again at the next request. Of
// an account without a password it only keeps tokens: a refresh that the server
// refuses then leaves the user to sign in.
//
// Source: readest/readest at a4358d22, apps/readest-app/src/services/
// audiobookshelf/client.ts (#request, #doRefreshOrRelogin, login).
type relogin struct {
	mu sync.Mutex
	model
	renewing *renewal
}

func newRelogin(*world) client { return &relogin{} }

func (c *relogin) begin(l *life) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.model.begin(l)
	c.renewing = nil
}

func (c *relogin) signedOut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.model.signedOut()
}

func (c *relogin) request(no int) ending {
	c.mu.Lock()
	l, held, out := c.life, c.held, c.out
	c.mu.Unlock()
	if out {
		return failed // the page to sign in
	}
	if e := c.play(l, no, held.access); e != unauthorized {
		return e
	}
	access := c.renew(l)
	if access == "" {
		return unauthorized
	}
	return c.play(l, no, access)
}

func (c *relogin) renew(l *life) string {
	c.mu.Lock()
	if r := c.renewing; r != nil {
		c.mu.Unlock()
		<-r.done
		return r.access
	}
	r := &renewal{done: make(chan struct{})}
	c.renewing = r
	held := c.held.refresh
	c.mu.Unlock()
	fresh, err := l.tokens(refreshPath, http.Header{"X-Refresh-Token": {held}}, "")
	if err != nil && l.provider == nil {
		fresh, err = c.login(l)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, errUnauthorized) && l.provider != nil && !l.isDead() {
		c.out = true
	}
	if err == nil && !l.isDead() {
		c.held, r.access = fresh, fresh.access
		l.running.Go(func() { c.write(l, fresh) })
	}
	if c.renewing == r {
		c.renewing = nil
	}
	close(r.done)
	return r.access
}

// write saves the settings, which nobody waits for.
func (c *relogin) write(l *life, p pair) {
	if l.disk() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disk = p
}

func (c *relogin) login(l *life) (pair, error) {
	return l.tokens(loginPath, http.Header{"X-Return-Tokens": {"true"}}, loginBody)
}

func (c *relogin) signIn() error {
	c.mu.Lock()
	l := c.life
	c.mu.Unlock()
	fresh, err := l.signInBy(http.Header{"X-Return-Tokens": {"true"}})
	if err == nil {
		c.mu.Lock()
		c.held, c.out = fresh, false
		c.mu.Unlock()
		c.write(l, fresh)
	}
	return err
}
