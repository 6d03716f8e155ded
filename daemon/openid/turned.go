package openid

import (
	"context"
	"errors"
	"net"
	"sync"

	"shelfkeeper/daemon/absapi"
)

// ErrTurned: a gateway has turned the way back into https, which nothing speaks at the
// port of this machine. nginx does so with `proxy_redirect http:// https://`, as an old
// instruction for Audiobookshelf has it.
var ErrTurned = errors.New("a gateway has turned the address of this machine, at which the browser comes back, into https")

// tlsHandshake is the first byte of a TLS connection (RFC 8446, 5.1).
const tlsHandshake = 0x16

var errTLS = errors.New("TLS is spoken at a port for plain http")

// plainListener hands on connections, and calls hello for each that begins with TLS:
// the browser was sent to https.
type plainListener struct {
	net.Listener
	hello func()
}

func (l *plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &plainConn{Conn: c, hello: l.hello}, nil
}

type plainConn struct {
	net.Conn
	hello func()
	first sync.Once
	tls   bool
}

func (c *plainConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.first.Do(func() { c.tls = b[0] == tlsHandshake })
	}
	if c.tls {
		c.hello()
		return 0, errTLS
	}
	return n, err
}

// turnedTLS says that a browser came back by https. Only the first time is news.
func (f *Flow) turnedTLS() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.turned || f.now.Flow == nil || f.now.Flow.Redirect == absapi.Scheme {
		return
	}
	f.turned = true
	close(f.hello)
}

// goRound begins another authorization that comes back by the scheme of
// Audiobookshelf's apps, which no gateway changes. The one before stays good: the
// browser shows an address that can be pasted. Where the server does not allow the
// scheme, that is what is left.
func (f *Flow) goRound(ctx context.Context, stage Stage, flow *absapi.Authorization, kept int) *absapi.Authorization {
	other, err := f.keeper.Authorize(ctx, absapi.Scheme)
	if err != nil {
		f.set(Progress{Stage: stage, Flow: flow, Again: ErrTurned, Paste: true, Kept: kept})
		return flow
	}
	f.mu.Lock()
	f.former = flow
	f.mu.Unlock()
	f.set(Progress{Stage: stage, Flow: other, Again: ErrTurned, Kept: kept})
	return other
}
