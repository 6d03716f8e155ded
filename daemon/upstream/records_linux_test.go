package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// overTLS returns both ends of a connection with TLS, ours read by records.
func overTLS(t *testing.T, version uint16) (near *tls.Conn, far *tls.Conn) {
	t.Helper()
	below, farBelow := twoEnds(t)
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.MinVersion, config.MaxVersion, config.ServerName = version, version, "example.com"
	near = tls.Client(belowTLS(below), config)
	far = tls.Server(farBelow, &tls.Config{Certificates: s.TLS.Certificates})
	done := make(chan error, 1)
	go func() { done <- far.Handshake() }()
	if err := errors.Join(near.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	if _, ok := near.NetConn().(*recordConn); !ok {
		t.Fatalf("TLS reads from a %T", near.NetConn())
	}
	return near, far
}

var tlsVersions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// All bytes come through TLS, whatever the sizes of writes and reads, and the end too.
func TestTLSByRecords(t *testing.T) {
	for name, version := range tlsVersions {
		t.Run(name, func(t *testing.T) {
			near, far := overTLS(t, version)
			body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
			go func() {
				for rest, n := body, 1; len(rest) > 0; n = n*3%70_001 + 1 {
					m := min(n, len(rest))
					_, _ = far.Write(rest[:m])
					rest = rest[m:]
				}
				_ = far.Close()
			}()
			got, err := io.ReadAll(near)
			if err != nil || !bytes.Equal(got, body) {
				t.Fatalf("%d of %d bytes, %v", len(got), len(body), err)
			}
		})
	}
}

// The goodbye of TLS 1.2 is told with the last bytes, as without records: net/http uses no
// connection again that ends.
func TestGoodbyeComesWithTheLastBytes(t *testing.T) {
	near, far := overTLS(t, tls.VersionTLS12)
	_, err := far.Write([]byte("last"))
	if err = errors.Join(err, far.Close()); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "all is here", func() bool { return near.NetConn().(*recordConn).socket.holds(4 + 2*recordHead + 2 + 2*24) })
	b := make([]byte, 100)
	if n, err := near.Read(b); n != 4 || err != io.EOF {
		t.Fatal(n, err)
	}
}

// A stream does not make the buffer of TLS grow again and again.
func TestStreamOverTLSAllocatesLittle(t *testing.T) {
	near, far := overTLS(t, tls.VersionTLS13)
	const size = 16 << 20
	sent := make(chan error, 1)
	go func() {
		piece := make([]byte, 1<<20)
		for range 2 * size / len(piece) {
			if _, err := far.Write(piece); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	b := make([]byte, 16<<10)
	read := func() {
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(near, size), b); err != nil {
			t.Fatal(err)
		}
	}
	read()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if kb := (after.TotalAlloc - before.TotalAlloc) >> 10; kb > 200 {
		t.Errorf("%d kB are allocated for 16 MB", kb)
	}
}

// A Read that waits ends with its deadline, and with Close. The bytes after a deadline come.
func TestRecordsHaveDeadlines(t *testing.T) {
	below, far := twoEnds(t)
	near := belowTLS(below)
	b := make([]byte, 1000)
	whole := record(23, 100)
	if _, err := far.Write(whole[:3]); err != nil {
		t.Fatal(err)
	}
	if n, err := near.Read(b); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if err := near.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := near.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(n, err)
	}
	if err := near.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write(whole[3:]); err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(near, b[:len(whole)-3]); err != nil || !bytes.Equal(b[:n], whole[3:]) {
		t.Fatal(n, err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := near.Read(b)
		ended <- err
	}()
	runtime.Gosched()
	if err := near.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}

// A reset that is met behind the end of a record is told at the next Read. The kernel tells
// it once.
func TestResetBehindARecordIsTold(t *testing.T) {
	below, far := twoEnds(t)
	near := belowTLS(below).(*recordConn)
	if _, err := far.Write(record(23, 5000)[:2000]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10_000)
	for n := 0; n < 2000; {
		m, err := near.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if err := errors.Join(far.(*net.TCPConn).SetLinger(0), far.Close()); err != nil {
		t.Fatal(err)
	}
	if n, err := near.Read(b); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(n, err)
	}
}

// A body's Read returns all records that are here, and waits for none.
func TestBodyOverTLSComesInLargePieces(t *testing.T) {
	const records, size = 3, fullRecord
	piece := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	more := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa((records+2)*size))
		_, _ = w.Write(piece)
		_ = http.NewResponseController(w).Flush()
		for range records {
			_, _ = w.Write(piece)
		}
		<-more
		_, _ = w.Write(piece)
	}))
	s.TLS = &tls.Config{DynamicRecordSizingDisabled: true}
	s.StartTLS()
	defer s.Close()
	n := newNetwork((&net.Dialer{}).DialContext)
	defer n.Close()
	config := s.Client().Transport.(*http.Transport).TLSClientConfig
	tr := &http.Transport{DialTLSContext: func(ctx context.Context, kind, addr string) (net.Conn, error) {
		conn, err := n.DialContext(ctx, kind, addr)
		if err != nil {
			return nil, err
		}
		own := config.Clone()
		own.NextProtos = []string{"http/1.1"}
		return secured(ctx, conn, addr, own)
	}}
	defer tr.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := roundTrip(tr, r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, size)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	below := resp.Body.(*tracedBody).below
	waitUntil(t, "all is here", func() bool { return below.socket.holds(records * size) })
	b := make([]byte, 64<<10)
	if n, err := resp.Body.Read(b); n != records*size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	close(more)
	if n, err := io.ReadFull(resp.Body, b[:size]); err != nil || !bytes.Equal(b[:n], piece) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if n, err := resp.Body.Read(b); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d bytes, %v", n, err)
	}
}
