package upstream

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// recordConn is a connection with nothing but our own TLS on it.
type recordConn struct {
	*tracked
	records records
	socket  socketReader
	hushed  bool // Read returns errHushed; see line.leftOver
}

func (c *recordConn) below() *tracked { return c.tracked }

// begun reports whether a part of a record was read that is not handed out.
func (c *recordConn) begun() bool { return c.records.begun() }

func (c *recordConn) hush(yes bool) { c.hushed = yes }

// belowTLS returns conn as TLS is to read it. It stays what it is where it is none of the
// kernel's.
func belowTLS(conn net.Conn) net.Conn {
	t, ok := conn.(*tracked)
	if !ok {
		return conn
	}
	raw, err := t.raw()
	if err != nil {
		return conn
	}
	c := &recordConn{tracked: t}
	c.socket.raw, c.socket.conn = raw, t.Conn
	c.socket.call, c.socket.look = c.socket.once, c.socket.count
	c.records.src = &c.socket
	return c
}

// Read implements net.Conn.
func (c *recordConn) Read(b []byte) (int, error) {
	if c.hushed {
		return 0, errHushed
	}
	n, err := c.records.Read(b)
	return c.tracked.read(n, err)
}

// atHand reports whether the next record brings data, is here as a whole, and has no more
// than room bytes of data. The goroutine that reads calls it.
func (c *recordConn) atHand(room int) bool {
	n, read := c.records.next()
	return n > 0 && min(n, fullRecord) <= room && (read == n || c.socket.holds(n-read))
}

// asked says how much of a body is asked for at once. The goroutine that reads calls it.
func (c *recordConn) asked(n int) { c.records.fetches = n >= fetchedPiece }

// socketReader reads from a socket of the kernel. Only one call runs at a time.
type socketReader struct {
	conn  net.Conn
	raw   syscall.RawConn
	call  func(fd uintptr) bool // once, and look is count
	look  func(fd uintptr)
	into  [2][]byte
	wait  bool
	n     int
	err   error
	known int // bytes that are in the socket for sure
}

// read implements recordSource.
func (s *socketReader) read(b, next []byte, wait bool) (int, error) {
	s.into, s.wait, s.n, s.err = [2][]byte{b, next}, wait, 0, nil
	err := s.raw.Read(s.call)
	s.into = [2][]byte{}
	s.known = max(0, s.known-s.n)
	if err == nil && s.err != nil {
		err = s.err
		if err != io.EOF {
			err = &net.OpError{Op: "read", Net: "tcp", Source: s.conn.LocalAddr(), Addr: s.conn.RemoteAddr(), Err: os.NewSyscallError("read", err)}
		}
	} else if op := (*net.OpError)(nil); errors.As(err, &op) {
		op.Op, op.Source, op.Addr = "read", s.conn.LocalAddr(), s.conn.RemoteAddr()
	}
	return s.n, err
}

// once reads what is there, and reports false where it is to be called again when
// something has come.
func (s *socketReader) once(fd uintptr) bool {
	for {
		n, err := 0, error(nil)
		if len(s.into[1]) > 0 {
			n, err = unix.Readv(int(fd), s.into[:])
		} else {
			n, err = syscall.Read(int(fd), s.into[0])
		}
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return !s.wait
		case err != nil:
			s.err = err
		case n == 0:
			s.err = io.EOF
		default:
			s.n = n
		}
		return true
	}
}

// holds reports whether n bytes can be read without waiting.
func (s *socketReader) holds(n int) bool {
	if s.known < n {
		s.known = 0
		_ = s.raw.Control(s.look) // of a closed connection: it holds nothing
	}
	return s.known >= n
}

func (s *socketReader) count(fd uintptr) {
	if n, err := unix.IoctlGetInt(int(fd), unix.SIOCINQ); err == nil {
		s.known = n
	}
}
