package upstream

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
)

// statusLine is how long an HTTP status line is up to its code: "HTTP/1.1 407".
const statusLine = 12

// tunnelConn is a connection to a proxy that is asked to CONNECT. The websocket
// library tells the text of a refusal alone; this one tells the proxy too.
type tunnelConn struct {
	net.Conn
	refused func(status string) error
	head    []byte // the beginning of the proxy's answer, not given on yet
	known   bool
}

// Read looks at the proxy's answer, and at nothing of what comes after it.
func (c *tunnelConn) Read(b []byte) (int, error) {
	if !c.known {
		if err := c.readHead(); err != nil {
			return 0, err
		}
	}
	if len(c.head) > 0 {
		n := copy(b, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

func (c *tunnelConn) readHead() error {
	buf := make([]byte, 1)
	for len(c.head) < statusLine {
		n, err := c.Conn.Read(buf)
		if c.head = append(c.head, buf[:n]...); err != nil {
			return err
		}
	}
	c.known = true
	if code, err := strconv.Atoi(string(c.head[statusLine-3:])); bytes.HasPrefix(c.head, []byte("HTTP/1.")) && err == nil &&
		code != http.StatusOK {
		return c.refused(strconv.Itoa(code) + " " + http.StatusText(code))
	}
	return nil
}
