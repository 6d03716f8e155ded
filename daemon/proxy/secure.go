package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
)

// secureListener speaks https. What comes in clear gets an answer that says so.
type secureListener struct {
	net.Listener
	config *tls.Config
	log    *slog.Logger
}

func (l *secureListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(&hello{Conn: c, log: l.log}, l.config), nil
}

// errInClear is how a handshake ends with a player that speaks plain http.
var errInClear = errors.New("it speaks http where https is spoken")

// hello is a connection whose first bytes say which of the two it is.
type hello struct {
	net.Conn
	log    *slog.Logger
	looked bool
}

// Read is called by one goroutine at a time until the handshake is over.
func (h *hello) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if h.looked || n == 0 {
		return n, err
	}
	h.looked = true
	if p[0] < 'A' || p[0] > 'Z' { // a handshake begins with 22, a request with its method
		return n, err
	}
	h.log.Info("a player in another network speaks http where https is spoken", "from", h.RemoteAddr().String())
	body := fmt.Sprintf("shelfkeeper: this address speaks https, since whoever listens in on the network would read the grant; "+
		"use https://%s, or, where the network does not leave that machine, list the address in listen_extra_http of config.toml there\n",
		h.LocalAddr())
	_, _ = fmt.Fprintf(h.Conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"+
		"Connection: close\r\n\r\n%s", len(body), body) // the player may be gone
	return 0, errInClear
}

// scheme is what a request was sent by.
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// tcpOf returns the TCP connection below a player's connection.
func tcpOf(c net.Conn) (*net.TCPConn, bool) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	if first, ok := c.(*hello); ok {
		c = first.Conn
	}
	tcp, ok := c.(*net.TCPConn)
	return tcp, ok
}
