//go:build !linux

package upstream

import "net"

// recordConn is of Linux.
type recordConn struct{ net.Conn }

// belowTLS returns conn.
func belowTLS(conn net.Conn) net.Conn { return conn }

func (*recordConn) atHand(int) bool { return false }

func (*recordConn) asked(int) {}

func (*recordConn) below() *tracked { return nil }

func (*recordConn) begun() bool { return false }

func (*recordConn) hush(bool) {}
