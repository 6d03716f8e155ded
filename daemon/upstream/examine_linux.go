package upstream

import (
	"time"

	"golang.org/x/sys/unix"
)

// systemOf returns nil for a connection that is none of the kernel's.
func systemOf(t *tracked) Kernel {
	if _, err := t.raw(); err != nil {
		return nil
	}
	return tcpKernel{t}
}

// tcpKernel is the kernel's side of a connection.
type tcpKernel struct{ conn *tracked }

// Signs knows nothing of a connection whose bytes wait for their reader: no router is at
// fault there, and while the window is closed the kernel does not count every answer. Nor
// of one whose other side takes no bytes: the kernel asks it ever more seldom.
func (k tcpKernel) Signs() (s Signs, ok bool) {
	raw, err := k.conn.raw()
	if err != nil {
		return s, false
	}
	err = raw.Control(func(fd uintptr) {
		info, failed := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if failed != nil || info.State != tcpEstablished || info.Unacked == 0 && info.Notsent_bytes > 0 {
			return
		}
		if waiting, failed := unix.IoctlGetInt(int(fd), unix.SIOCINQ); failed != nil || waiting > 0 {
			return
		}
		s.Silent = time.Duration(min(info.Last_data_recv, info.Last_ack_recv)) * time.Millisecond
		// What came in the wrong order was mostly sent again. What was sent again in the
		// present silence says nothing of the time before; once by the tail loss probe.
		lost := info.Total_retrans
		if info.Unacked > 0 {
			s.Unconfirmed, s.Repeats = true, int(info.Retransmits)
			lost -= min(lost, uint32(info.Retransmits)+1)
		}
		s.Losses = Losses{Lost: int(lost + info.Rcv_ooopack), Packets: int(info.Segs_out + info.Segs_in)}
		ok = true
	})
	return s, ok && err == nil
}

// AskOften implements Kernel.
func (k tcpKernel) AskOften(often bool) {
	raw, err := k.conn.raw()
	if err != nil {
		return
	}
	idle, linear := keepAliveIdle, 0
	if often {
		idle, linear = suspectAfter, 1
	}
	_ = raw.Control(func(fd uintptr) { // a connection that is closed by now needs none
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_THIN_LINEAR_TIMEOUTS, linear)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(idle/time.Second))
	})
}

// Ask sets what is set already: the kernel then counts from now, and as the connection is
// silent for longer it asks at once.
func (k tcpKernel) Ask() {
	raw, err := k.conn.raw()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(suspectAfter/time.Second))
	})
}
