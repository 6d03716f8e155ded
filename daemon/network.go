package daemon

import (
	"shelfkeeper/daemon/netmon"
)

// newMonitor watches the machine's network for all accounts.
func (d *Daemon) newMonitor() *netmon.Monitor {
	return netmon.New(netmon.Config{Log: d.home.Log, Changed: func(e netmon.Event) {
		for _, desk := range d.all() {
			desk.network(e)
		}
	}})
}

// network is what a change of the network or a jump of time means for an
// account. It returns at once. Nothing that works is dropped: who has a
// connection is made to ask, who waits tries now. Only a connection from an
// address that the machine has lost, while packets leave by another one, is
// given up unasked.
func (d *desk) network(e netmon.Event) {
	why := e.String()
	d.ways.network(why)
	d.up.CloseIdle()
	if e.Online {
		if n := d.up.Forsake(e.Gone); n > 0 {
			d.log.Info("connections of a lost address are given up", "count", n, "reason", why)
		}
	}
	d.socket.Check(why)
	d.proxy.NetworkChanged(why)
	if e.Online {
		d.session.Wake(why)
		d.proxy.Wake(why)
		d.lookout.wake()
	}
}
