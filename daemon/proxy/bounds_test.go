package proxy

import (
	"net"
	"net/http"
	"testing"
)

type addrConn struct {
	net.Conn
	far net.Addr
}

func (c *addrConn) RemoteAddr() net.Addr { return c.far }

func TestConnectionsAreBounded(t *testing.T) {
	from := func(ip string) net.Conn { return &addrConn{far: &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}} }
	asked := 0
	is := func(other bool) func() bool { return func() bool { asked++; return other } }
	var k connections
	var open []net.Conn
	fill := func(extra bool, ip string, other bool, n int) (admitted int) {
		for range n {
			c := from(ip)
			if k.admit(c, extra, is(other)) {
				open = append(open, c)
				admitted++
			}
		}
		return admitted
	}
	if n := fill(false, "127.0.0.1", false, busyConns); n != busyConns || asked != 0 {
		t.Errorf("%d admitted, %d asked about: while it is quiet nobody is asked about", n, asked)
	}
	if n := fill(true, "172.17.0.2", true, 2*maxFromAddr); n != maxFromAddr {
		t.Errorf("%d from one address", n)
	}
	if n := fill(false, "127.0.0.1", true, 2*maxOthers); n != maxOthers-maxFromAddr {
		t.Errorf("%d more of others", n)
	}
	if n := fill(false, "127.0.0.1", false, 2*maxConns); n != maxConns-busyConns-maxOthers {
		t.Errorf("%d more of the user's", n)
	}
	// One that a handler has taken over is open until the handler is done.
	last := open[len(open)-1]
	k.state(last, http.StateHijacked)
	if fill(false, "127.0.0.1", false, 1) != 0 {
		t.Error("a socket that was taken over no longer counts")
	}
	k.done(open[0]) // not taken over: net/http itself says when it ends
	if fill(false, "127.0.0.1", false, 1) != 0 {
		t.Error("a connection ended by its first request")
	}
	k.done(last)
	if fill(false, "127.0.0.1", false, 2) != 1 {
		t.Error("an ended socket still counts")
	}
	for _, c := range open {
		k.state(c, http.StateClosed)
	}
	if len(k.open) != 0 || k.others != 0 || len(k.from) != 0 {
		t.Errorf("left: %+v", &k)
	}
}
