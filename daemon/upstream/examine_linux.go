package upstream

import (
	"time"

	"golang.org/x/sys/unix"
)

// canExamine: the kernel tells since when a connection is silent.
const canExamine = true

// signsOf returns what the kernel knows of a connection. It knows nothing of one whose
// bytes wait for their reader: no router is at fault there, and while the window is
// closed the kernel does not count every answer.
func signsOf(t *tracked) (s signs, ok bool) {
	raw, err := t.raw()
	if err != nil {
		return s, false
	}
	err = raw.Control(func(fd uintptr) {
		info, failed := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if failed != nil || info.State != tcpEstablished {
			return
		}
		if waiting, failed := unix.IoctlGetInt(int(fd), unix.SIOCINQ); failed != nil || waiting > 0 {
			return
		}
		s.silent = time.Duration(min(info.Last_data_recv, info.Last_ack_recv)) * time.Millisecond
		// One packet in fifty: what came in the wrong order was mostly sent again. What was
		// sent again in the present silence says nothing of the time before.
		lost := info.Total_retrans
		if now := uint32(info.Retransmits) + 1; info.Unacked > 0 && info.Retransmits > 0 { // one by the tail loss probe
			lost -= min(lost, now)
		}
		s.lossy = (lost+info.Rcv_ooopack)*50 > info.Segs_out+info.Segs_in
		ok = true
	})
	return s, ok && err == nil
}

// askOften lets the kernel ask the other side once a second while a connection is
// silent, or as seldom as it did.
func askOften(t *tracked, often bool) {
	raw, err := t.raw()
	if err != nil {
		return
	}
	idle, interval, unacked := keepAliveIdle, keepAliveInterval, unackedTimeout
	if often {
		idle, interval, unacked = time.Second, time.Second, askedTimeout
	}
	_ = raw.Control(func(fd uintptr) { // a connection that is closed by now needs none
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(interval/time.Second))
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(idle/time.Second))
	})
	if !t.window.isLifted() {
		_ = setUserTimeout(raw, unacked)
	}
}

// askedTimeout replaces unackedTimeout while the kernel asks often: its questions in an
// outage of some seconds must not end what outlives it.
const askedTimeout = 25 * time.Second
