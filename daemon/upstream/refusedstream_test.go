package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// refuser speaks HTTP/2 and refuses each request without looking at it, as HAProxy does
// where no server is left behind it.
func refuser(t *testing.T, ca *authority) (address string, refused *atomic.Int32) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0",
		&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "abs.example")}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	refused = &atomic.Int32{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go refuse(c, refused)
		}
	}()
	return "https://" + l.Addr().String(), refused
}

func refuse(c net.Conn, refused *atomic.Int32) {
	defer c.Close()
	if _, err := io.CopyN(io.Discard, c, int64(len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if f.WriteSettings() != nil {
		return
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			refused.Add(1)
			if f.WriteRSTStream(frame.StreamID, http2.ErrCodeRefusedStream) != nil {
				return
			}
		case *http2.SettingsFrame:
			if !frame.IsAck() && f.WriteSettingsAck() != nil {
				return
			}
		}
	}
}

// A gateway that refuses a request again and again gets it a few times, within seconds,
// and the error says what is the matter. The request was not done.
func TestRefusedStreamsAreBounded(t *testing.T) {
	ca := newAuthority(t)
	at, refused := refuser(t, ca)
	u := open(t, Policy{Base: address(t, at), CAFile: ca.file})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	resp, err := u.Transport().RoundTrip(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	var failed *RefusedError
	if took := time.Since(begun); !errors.As(err, &failed) || took > 30*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	if n := refused.Load(); n < 3 || n > 5 {
		t.Errorf("sent %d times", n)
	}
	if failed != nil && !failed.Unwritten() {
		t.Error("it may have been done")
	}
}
