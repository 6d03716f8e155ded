package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/upstream"
)

// nginx as an old instruction for Audiobookshelf has it turns the way back to this
// machine into https. The browser fails there, and the sign-in goes on by the scheme of
// Audiobookshelf's apps. With the line that our documentation names, nothing is turned.
func TestOpenIDBehindNginx(t *testing.T) {
	const issuer = "http://provider.test/realm"
	const right = "proxy_redirect http://$host https://$host;"
	for desc, c := range map[string]struct {
		line   string
		turned bool
	}{"as documented": {right, false}, "turned": {"proxy_redirect http:// https://;", true}} {
		t.Run(desc, func(t *testing.T) {
			provider := oidcprovider.New(oidcprovider.Config{Issuer: issuer, ClientID: "abs", ClientSecret: "sek",
				User: oidcprovider.User{Username: "demo"}})
			nginx := realGateways["nginx"]
			nginx.config = func(g gatewayPlace) string {
				return strings.NewReplacer(right, c.line, "location /books", "location /").Replace(nginxConfig(g))
			}
			g, ca := startGatewayTo(t, nginx, absfake.Config{Outbound: provider})
			g.fake.SetOpenID(absfake.OpenID{Issuer: issuer, ClientID: "abs", ClientSecret: "sek", AutoRegister: true, MatchBy: "username",
				Redirects: []string{"*"}})
			h := testHome(t, newFake(t, absfake.Config{}))
			h.Dial = (&net.Dialer{}).DialContext
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			pem, roots := ca.pem(), x509.NewCertPool()
			roots.AddCert(ca.cert)
			browser := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
			var ends, notes []string
			err := h.SignInOpenID(ctx, control.OpenIDRequest{Server: fmt.Sprintf("https://localhost:%d", g.open),
				Gateway: upstream.GatewayChange{CA: &pem}, NoSpare: true}, func(s control.OpenIDStep) error {
				notes = append(notes, s.Notes...)
				if s.URL == "" {
					return nil
				}
				end, err := surf(ctx, s.URL, map[string]http.RoundTripper{"provider.test": provider}, browser)
				ends = append(ends, end)
				if strings.HasPrefix(end, absapi.Scheme) {
					return h.ReturnOpenID(ctx, end)
				}
				if (err != nil) != c.turned {
					t.Errorf("the browser at %s: %v", end, err)
				}
				return nil
			})
			if err != nil || len(h.Book.All()) != 1 {
				t.Fatalf("%v; the browser ended at %q; %q", err, ends, notes)
			}
			told := strings.Contains(strings.Join(notes, "\n"), "proxy_redirect")
			if told != c.turned || c.turned && (len(ends) != 2 || !strings.HasPrefix(ends[0], "https://127.0.0.1:")) || !c.turned && len(ends) != 1 {
				t.Errorf("the browser ended at %q; %q", ends, notes)
			}
		})
	}
}

// surf follows redirects as a browser does, and returns the address at which it ends.
func surf(ctx context.Context, at string, special map[string]http.RoundTripper, rest http.RoundTripper) (string, error) {
	for range 20 {
		u, err := url.Parse(at)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return at, err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			return at, err
		}
		via := special[u.Hostname()]
		if via == nil {
			via = rest
		}
		resp, err := via.RoundTrip(r)
		if err != nil {
			return at, err
		}
		_ = resp.Body.Close()
		next := resp.Header.Get("Location")
		if next == "" {
			return at, nil
		}
		to, err := u.Parse(next)
		if err != nil {
			return at, err
		}
		at = to.String()
	}
	return at, errors.New("the redirects do not end")
}
