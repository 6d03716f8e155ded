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
	var k connections
	var open []net.Conn
	evicted := make(map[net.Conn]bool)
	// fill lets n connections come from an address that is known, or else those of a user.
	fill := func(extra bool, ip, owner string, n int) (admitted, victims int) {
		for range n {
			c := from(ip)
			known := ""
			if extra {
				known = ip
			}
			var later []net.Conn
			gone := k.admit(c, known, func() {
				asked++
				later = k.tell(c, owner)
			})
			k.Wait()
			for _, victim := range append(gone, later...) {
				evicted[victim] = true
				victims++
			}
			if !evicted[c] {
				open = append(open, c)
				admitted++
			}
		}
		return admitted, victims
	}
	if n, _ := fill(false, "127.0.0.1", "", busyConns); n != busyConns || asked != 0 {
		t.Errorf("%d admitted, %d asked about: while it is quiet nobody is asked about", n, asked)
	}
	if n, gone := fill(true, "172.17.0.2", "", 2*maxFromOwner); n != 2*maxFromOwner || gone != maxFromOwner {
		t.Errorf("%d from one address, %d had to go", n, gone)
	}
	// A player with a grant counts no more, and is not thrown out.
	player := from("172.17.0.3")
	k.admit(player, "172.17.0.3", nil)
	k.prove(player)
	if n, _ := fill(false, "127.0.0.1", "user 2", maxStrangers); n != maxStrangers || k.unproven > maxStrangers ||
		k.strangers["user 2"] > maxFromOwner {
		t.Errorf("%d of another user, %d strangers, %d of that user", n, k.unproven, k.strangers["user 2"])
	}
	// Who has few gets a place from who has many.
	if n, gone := fill(false, "127.0.0.1", "user 3", 10); n != 10 || gone == 0 || k.strangers["user 3"] != 10 {
		t.Errorf("%d of a third user, %d had to go, %d are left", n, gone, k.strangers["user 3"])
	}
	if evicted[player] || k.open[player] == nil {
		t.Error("a player with a grant had to go")
	}
	// The user gets every place that is left, and those of strangers.
	if n, _ := fill(false, "127.0.0.1", "", 2*maxConns); n == 0 || len(k.open) != maxConns || k.unproven != 0 || k.open[player] == nil {
		t.Errorf("%d more of the user's, %d are open, %d of strangers", n, len(k.open), k.unproven)
	}
	if n, _ := fill(false, "127.0.0.1", "user 3", 1); n != 0 {
		t.Error("a stranger took the user's place")
	}
	// One that a handler has taken over is open until the handler is done.
	last := open[len(open)-1]
	k.state(last, http.StateHijacked)
	if n, _ := fill(false, "127.0.0.1", "", 1); n != 0 {
		t.Error("a socket that was taken over no longer counts")
	}
	k.done(open[0]) // not taken over: net/http itself says when it ends
	if n, _ := fill(false, "127.0.0.1", "", 1); n != 0 {
		t.Error("a connection ended by its first request")
	}
	k.done(last)
	if n, _ := fill(false, "127.0.0.1", "", 2); n != 1 {
		t.Error("an ended socket still counts")
	}
	for _, c := range append(open, player) {
		k.state(c, http.StateClosed)
	}
	if len(k.open) != 0 || k.unproven != 0 || len(k.strangers) != 0 || len(k.unasked) != 0 {
		t.Errorf("left: %+v", &k)
	}
}
