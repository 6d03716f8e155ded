package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// signedIn is what a real sign-in and renewal through the gateway have shown.
type signedIn struct {
	mu   sync.Mutex
	seen Renewals
}

func (s *signedIn) spend() (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Spent = append(s.seen.Spent, time.Now())
	return 0, nil
}

func (s *signedIn) renewals() Renewals {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// signIn signs in and renews once, as far as the gateway lets it.
func (s *signedIn) signIn(ctx context.Context, up *upstream.Upstream) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := absapi.New(roundTripper{up}, up.Base())
	_, _ = s.spend() // it counts, and does no more
	answer, err := client.Login(ctx, "demo", redact.New("demo"))
	if err != nil {
		return
	}
	_, _ = s.spend()
	if answer, err = client.Refresh(ctx, answer.Pair.Refresh.Secret); err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Cookie, s.seen.CookieAt = answer.Meta.Cookie, time.Now()
}

type roundTripper struct{ up *upstream.Upstream }

func (r roundTripper) Do(req *http.Request) (*http.Response, error) {
	return r.up.Transport().RoundTrip(req)
}

// signInElsewhere is somebody else, at another address, who mistypes a password.
func signInElsewhere(ctx context.Context, dir string, port int) error {
	elsewhere := func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
		return d.DialContext(ctx, network, "127.0.0.1:"+port)
	}
	base := &url.URL{Scheme: "https", Host: fmt.Sprintf("%s:%d", bedHost, port)}
	up, err := upstream.New(upstream.Policy{Base: base, CAFile: filepath.Join(dir, "ca.pem"), Dial: elsewhere})
	if err != nil {
		return err
	}
	defer up.Close()
	_, err = absapi.New(roundTripper{up}, base).Login(ctx, "demo", redact.New("mistyped"))
	if absapi.VerdictOf(err) != absapi.PasswordRejected {
		return fmt.Errorf("a mistyped password: %w", err)
	}
	return nil
}
