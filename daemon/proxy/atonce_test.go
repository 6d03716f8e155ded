package proxy_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"shelfkeeper/daemon/proxy/proxytest"
)

// What the server has sent reaches the player before the server goes on, however much it is.
func TestNothingWaitsForTheNextPiece(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, kind := range []string{"application/json", "audio/mpeg"} {
		for _, size := range []int{1, 1500, 5000, 12<<10 - 1, 12 << 10, 13000, 16 << 10, 64 << 10, 65<<10 + 1, 700_000} {
			for _, chunked := range []bool{true, false} {
				got := make(chan bool)
				w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
					rw.Header().Set("Content-Type", kind)
					if !chunked {
						rw.Header().Set("Content-Length", strconv.Itoa(size+100_000))
					}
					_, _ = rw.Write(bytes.Repeat([]byte(" "), size))
					_ = http.NewResponseController(rw).Flush()
					select {
					case <-got:
						_, _ = rw.Write(make([]byte, 100_000))
					case <-ctx.Done():
					}
				})
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.Addr+"/api/items/1/file/2", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				if n, err := io.ReadFull(resp.Body, make([]byte, size)); err != nil {
					t.Fatalf("%s, chunked %v: %d of %d bytes before the server goes on: %v", kind, chunked, n, size, err)
				}
				close(got)
				if n, err := io.Copy(io.Discard, resp.Body); n != 100_000 || err != nil {
					t.Errorf("%s, chunked %v: %d bytes after %d, %v", kind, chunked, n, size, err)
				}
				resp.Body.Close()
			}
		}
	}
}
