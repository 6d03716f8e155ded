package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// browserConns is how many connections a browser opens to one host over HTTP/1.1.
	browserConns = 6
	// browserIdle is how long it keeps them.
	browserIdle = 5 * time.Minute
	// rangeSize is the piece of a book that is asked for.
	rangeSize = 256 << 10
	// wanDeadline bounds each answer.
	wanDeadline = 30 * time.Second
)

// wanPlayer asks as a browser does: over six connections, or one of HTTP/2. It takes
// packed answers, and renews its token when the server refuses it, as the web client does.
type wanPlayer struct {
	base    *url.URL
	file    string
	trusted *x509.CertPool
	http2   bool

	access, refresh string // empty where somebody else puts them there

	transport *http.Transport
	offset    int64 // of the next range
}

// renew gives the player connections of its own.
func (p *wanPlayer) renew() {
	p.leave()
	p.transport = &http.Transport{
		DisableCompression: true, ForceAttemptHTTP2: p.http2, TLSClientConfig: &tls.Config{RootCAs: p.trusted, ServerName: "localhost"},
		MaxConnsPerHost: browserConns, MaxIdleConnsPerHost: browserConns, IdleConnTimeout: browserIdle,
	}
	if p.http2 {
		p.transport.MaxConnsPerHost = 0
	}
}

func (p *wanPlayer) leave() {
	if p.transport != nil {
		p.transport.CloseIdleConnections()
	}
}

// askTries is how often a person asks before giving up: a program in between may answer
// 502 when it meets a connection that has just ended. All tries count.
const askTries = 4

// ask sends a request, again when nothing good came, and once more with another token
// when the first is refused.
func (p *wanPlayer) ask(ctx context.Context, path string, header ...string) (*http.Response, error) {
	for tries := 1; ; tries++ {
		resp, err := p.send(ctx, http.MethodGet, path, append(header, "Authorization", "Bearer "+p.access)...)
		if bad := err != nil || resp.StatusCode >= 500; bad && tries < askTries && ctx.Err() == nil {
			if err == nil {
				_ = resp.Body.Close()
			}
			continue
		}
		if err != nil || resp.StatusCode != http.StatusUnauthorized || tries == askTries || p.refresh == "" {
			return resp, err
		}
		_, _ = io.Copy(io.Discard, resp.Body) // so that its connection can be used again
		_ = resp.Body.Close()
		if err := p.refreshToken(ctx); err != nil {
			return nil, err
		}
	}
}

func (p *wanPlayer) refreshToken(ctx context.Context) error {
	resp, err := p.send(ctx, http.MethodPost, "/auth/refresh", "X-Refresh-Token", p.refresh, "Accept-Encoding", "identity")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	p.access, p.refresh, err = tokensIn(body)
	return err
}

func (p *wanPlayer) send(ctx context.Context, method, path string, header ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.base.String()+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Encoding", "gzip, deflate, br")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) shelfbench")
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Authorization" && p.access == "" {
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	return p.transport.RoundTrip(r)
}

// firstByte asks for the next piece of the book, and returns how long its first byte took.
func (p *wanPlayer) firstByte(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, wanDeadline)
	defer cancel()
	from := p.offset % (wanFileSize - rangeSize)
	p.offset += 7 << 20
	began := time.Now()
	resp, err := p.ask(ctx, p.file, "Range", fmt.Sprintf("bytes=%d-%d", from, from+rangeSize-1))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var first [1]byte
	if _, err := io.ReadFull(resp.Body, first[:]); err != nil {
		return 0, fmt.Errorf("%s: %w", resp.Status, err)
	}
	took := time.Since(began)
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != http.StatusPartialContent || n+1 != rangeSize) {
		err = fmt.Errorf("answered %s with %d bytes %s", resp.Status, n+1, resp.Header.Get("Shelfkeeper-Reason"))
	}
	return took, err
}

// seek leaves a stream that runs and asks for another place of the book.
func (p *wanPlayer) seek(ctx context.Context) (time.Duration, error) {
	playing, stop := context.WithTimeout(ctx, wanDeadline)
	defer stop()
	resp, err := p.ask(playing, p.file, "Range", fmt.Sprintf("bytes=%d-", p.offset%(wanFileSize/2)))
	if err != nil {
		return 0, err
	}
	// A player holds some seconds and reads on at the speed of the book.
	if _, err := io.CopyN(io.Discard, resp.Body, 128<<10); err != nil {
		return 0, err
	}
	if err := wait(ctx, 300*time.Millisecond); err != nil {
		return 0, err
	}
	stop()
	_ = resp.Body.Close()
	return p.firstByte(ctx)
}

// whole asks for paths, as many at once as the connections allow, and returns when all
// of them are there.
func (p *wanPlayer) whole(ctx context.Context, paths []string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, wanDeadline)
	defer cancel()
	var g sync.WaitGroup
	errs := make(chan error, len(paths))
	began := time.Now()
	for _, path := range paths {
		g.Go(func() {
			resp, err := p.ask(ctx, path)
			if err != nil {
				errs <- fmt.Errorf("%s: %w", path, err)
				return
			}
			defer resp.Body.Close()
			n, err := io.Copy(io.Discard, resp.Body)
			if err != nil || resp.StatusCode != http.StatusOK || n == 0 {
				errs <- fmt.Errorf("%s: answered %s with %d bytes %s: %w", path, resp.Status, n, resp.Header.Get("Shelfkeeper-Reason"), err)
			}
		})
	}
	g.Wait()
	took := time.Since(began)
	select {
	case err := <-errs:
		return 0, err
	default:
		return took, nil
	}
}

// libraryPage is what the web client asks for when it shows a library.
func libraryPage() (paths []string) {
	for _, c := range libraryCalls {
		paths = append(paths, c.path)
	}
	for i := range wanCovers {
		paths = append(paths, fmt.Sprintf("/api/items/86a33fcc-28d2-4e3c-91af-%012d/cover?width=200&ts=1700000000000", i))
	}
	return paths
}
