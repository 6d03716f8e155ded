package proxy

import (
	"io"
	"net/http"
	"time"
)

// bodyWait is how long nothing of a body may come. Players write a small one
// at once; an upload that rests that long is not coming.
const bodyWait = 30 * time.Second

// patientBody ends a body that does not come. It cannot be done by a deadline
// of the whole request: an upload of hours is fine.
type patientBody struct {
	io.ReadCloser
	conn *http.ResponseController
	wait time.Duration // how long nothing may come
}

func (b *patientBody) Read(p []byte) (int, error) {
	_ = b.conn.SetReadDeadline(time.Now().Add(b.wait)) // without one it is as slow as the player
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		// From here on net/http watches the connection itself.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
