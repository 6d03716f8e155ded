package absapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// obstacleRow is one of them.
type obstacleRow struct {
	desc string
	said reply
}

func (r obstacleRow) is() Obstacle {
	if r.said.err != nil {
		return ErrorObstacle(r.said.err)
	}
	return AnswerObstacle(r.said.status, r.said.header, r.said.body)
}

// obstacles are what gateways and networks really do, each with what it looks like.
func obstacles() (rows []obstacleRow) {
	answer := func(desc string, status int, body string, header ...string) {
		h := map[string]string{}
		for i := 0; i < len(header); i += 2 {
			h[header[i]] = header[i+1]
		}
		rows = append(rows, obstacleRow{desc, reply{status: status, header: headerOf(h), body: []byte(body)}})
	}
	const html, text, json = "text/html", "text/plain; charset=utf-8", "application/json"
	answer("nginx: no client certificate", 400, "<title>400 No required SSL certificate was sent</title>", "Server", "nginx",
		"Content-Type", html)
	answer("nginx: a client certificate that it does not know", 400, "<title>400 The SSL certificate error</title>", "Server", "nginx",
		"Content-Type", html)
	answer("nginx: plain http to a TLS port", 400, "<title>400 The plain HTTP request was sent to HTTPS port</title>", "Server", "nginx",
		"Content-Type", html)
	answer("Go: plain http to a TLS port", 400, "Client sent an HTTP request to an HTTPS server.\n")
	answer("nginx: 403", 403, "<title>403 Forbidden</title>", "Server", "nginx", "Content-Type", html)
	answer("bare 403", 403, "Forbidden", "Content-Type", text)
	answer("oauth2-proxy: 401 JSON", 401, "{}", "Content-Type", json)
	answer("oauth2-proxy: sign-in page", 403, `<form action="/oauth2/start">`, "Content-Type", html)
	answer("oauth2-proxy: to the provider", 302, "", "Location",
		"https://idp.example/auth?redirect_uri=https%3A%2F%2Fabs.example%2Foauth2%2Fcallback")
	answer("Authelia behind auth_request", 302, "", "Server", "nginx", "Location",
		"https://login.example/?rd=https%3A%2F%2Fabs.example%2Fapi%2Fme&rm=GET")
	answer("Authelia behind Caddy", 401, `<a href="https://login.example/?rd=https%3A%2F%2Fabs.example%2F&amp;rm=GET">401 Unauthorized</a>`,
		"Content-Type", html)
	answer("authentik", 302, "", "Location", "https://abs.example/outpost.goauthentik.io/start?rd=x")
	answer("Pangolin", 302, "", "Location", "https://pan.example/auth/resource/7?redirect=x")
	answer("Basic", 401, "<title>401</title>", "Server", "nginx", "Www-Authenticate", `Basic realm="books"`, "Content-Type", html)
	answer("Traefik: Basic", 401, "401 Unauthorized\n", "Www-Authenticate", `Basic realm="traefik"`, "Content-Type", text)
	answer("Traefik: no route", 404, "404 page not found\n", "Content-Type", text)
	answer("Traefik: no server", 503, "no available server\n", "Content-Type", text)
	answer("Caddy: no server", 502, "", "Server", "Caddy")
	answer("HAProxy: no server", 503, "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this "+
		"request.\n</body></html>\n",
		"Content-Type", html)
	answer("Apache: no server", 503, `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN"><title>503 Service Unavailable</title>`,
		"Content-Type", html)
	answer("nginx: slow server", 504, "<title>504 Gateway Time-out</title>", "Server", "nginx", "Content-Type", html)
	answer("nginx: too many requests", 429, "<title>429 Too Many Requests</title>", "Server", "nginx", "Content-Type", html)
	answer("nginx: a large body", 413, "<title>413 Request Entity Too Large</title>", "Server", "nginx", "Content-Type", html)
	answer("nginx: large headers", 494, "<title>400 Request Header Or Cookie Too Large</title>", "Server", "nginx", "Content-Type", html)
	answer("nginx: no such path", 404, "<title>404 Not Found</title>", "Server", "nginx", "Content-Type", html)
	answer("Audiobookshelf: an error of its own", 500, "Internal Server Error", "Content-Type", text, "Etag",
		expressTag([]byte("Internal Server Error")))
	answer("Cloudflare: the server is down", 521, "<title>abs.example | 521: Web server is down</title>", "Server", "cloudflare",
		"Content-Type", html)
	answer("Cloudflare: the server's certificate", 526, "<title>526</title>", "Server", "cloudflare", "Content-Type", html)
	answer("Cloudflare: the tunnel is down", 530, "error code: 1033", "Server", "cloudflare", "Content-Type", text)
	answer("Cloudflare: challenge", 403, "<title>Just a moment...</title>", "Server", "cloudflare", "Cf-Mitigated", "challenge",
		"Content-Type", html)
	answer("Cloudflare Access", 302, "", "Server", "cloudflare", "Location",
		"https://team.cloudflareaccess.com/cdn-cgi/access/login/x?kid=1")
	answer("captive portal: a page", 200, "<title>Hotel hotspot</title>", "Content-Type", html)
	answer("captive portal: elsewhere", 302, "", "Location", "http://10.0.0.1/captive/login")
	answer("captive portal: 511", 511, "")
	answer("another page", 200, "<title>Router</title>", "Content-Type", html)
	answer("proxy: 407", 407, "")

	failure := func(desc string, err error) {
		rows = append(rows, obstacleRow{desc, reply{err: &url.Error{Op: "Get", URL: "https://h/", Err: err}}})
	}
	alert := func(text string) error { return &net.OpError{Op: "remote error", Err: errors.New("tls: " + text)} }
	cert := &x509.Certificate{Issuer: pkix.Name{CommonName: "Home CA"}, Subject: pkix.Name{CommonName: "abs.example"}}
	expired, early, named := *cert, *cert, *cert
	expired.NotAfter = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	early.NotBefore = time.Date(2126, 1, 2, 3, 4, 5, 0, time.UTC)
	named.DNSNames, named.IPAddresses = []string{"nas.example", "books.example"}, []net.IP{net.IPv4(192, 168, 1, 5)}
	failure("TLS: client certificate", alert("certificate required"))
	failure("TLS: a client certificate that it does not know", alert("unknown certificate authority"))
	failure("TLS: too old", alert("protocol version not supported"))
	failure("TLS: too old, said by us", errors.New("tls: server selected unsupported protocol version 301"))
	failure("TLS: none", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"})
	failure("TLS: no site of this name", alert("unrecognized name"))
	failure("TLS: the handshake fails", alert("handshake failure"))
	failure("certificate: own authority", x509.UnknownAuthorityError{Cert: cert})
	failure("certificate: own authority, seen in a handshake", &tls.CertificateVerificationError{
		UnverifiedCertificates: []*x509.Certificate{cert}, Err: x509.UnknownAuthorityError{Cert: cert}})
	failure("certificate: expired", x509.CertificateInvalidError{Cert: &expired, Reason: x509.Expired})
	failure("certificate: not valid yet", x509.CertificateInvalidError{Cert: &early, Reason: x509.Expired})
	failure("certificate: another name", x509.HostnameError{Host: "abs.example", Certificate: &named})
	failure("certificate: common name only", x509.HostnameError{Host: "abs.example", Certificate: cert})
	failure("nobody listens", &net.OpError{Op: "dial", Err: fmt.Errorf("connect: %w", syscall.ECONNREFUSED)})
	failure("no such name", &net.DNSError{Name: "abs.example", IsNotFound: true})
	return rows
}

// Every obstacle has a remedy that names what to set. The words are golden: run with
// UPDATE=1 to write them anew, and read what has changed.
func TestObstacles(t *testing.T) {
	var got strings.Builder
	for _, row := range obstacles() {
		is := row.is()
		if is.Remedy == "" || is.Evidence == "" || strings.Count(is.Remedy, "`")%2 != 0 {
			t.Errorf("%s: %+v", row.desc, is)
		}
		fmt.Fprintf(&got, "%s\n  is: %s\n  do: %s\n  needs the user: %v\n", row.desc, is.Evidence, is.Remedy, is.NeedsUser)
	}
	golden := filepath.Join("testdata", "obstacles.golden")
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got.String() {
		t.Errorf("the words have changed; now they are:\n%s", got.String())
	}
}

// One source: what a player and status are told, the session, and whoever signs in have
// the same words. Whoever signs in may have mistyped the address, which an account's
// server cannot have.
func TestObstaclesHaveOneWording(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "abs.example"}
	for _, row := range obstacles() {
		is := row.is()
		for _, o := range []op{opPing, opStatus, opMe} {
			v, evidence := classify(o, row.said)
			if e := row.said.failure(o, v, evidence); v != NotABS && (e.Remedy != is.Remedy || e.NeedsUser != is.NeedsUser) {
				t.Errorf("%s: %v says %q", row.desc, o, e.Remedy)
			}
			if v == Temporary && evidence != is.Evidence {
				t.Errorf("%s: %v says %q", row.desc, o, evidence)
			}
		}
		v, evidence := classify(opStatus, row.said)
		e := explain(base, row.said, v, evidence)
		mistyped := e.Cause == CauseNotABS && e.Remedy == checkAddress
		if !mistyped && e.Remedy != is.Remedy || v == Temporary && e.Evidence != is.Evidence {
			t.Errorf("%s: the sign-in says %q, %q", row.desc, e.Evidence, e.Remedy)
		}
	}
}

// One fact has one wording, however net/http came to it.
func TestOneFactHasOneWording(t *testing.T) {
	for want, errs := range map[string][]error{
		"the connection was cut": {io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed,
			errors.New("http2: client connection lost"), errors.New("http: server closed idle connection"),
			errors.New("stream error: stream ID 7; INTERNAL_ERROR; received from peer"),
			errors.New(`http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=""`),
			&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}},
		"no answer within the deadline": {context.DeadlineExceeded, os.ErrDeadlineExceeded, syscall.ETIMEDOUT,
			&net.OpError{Op: "dial", Err: context.DeadlineExceeded}},
		"the connection was refused": {syscall.ECONNREFUSED,
			&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}},
	} {
		for _, err := range errs {
			for _, err := range []error{err, &url.Error{Op: "Get", URL: "https://h/", Err: err}, fmt.Errorf("read answer: %w", err)} {
				if got := transportEvidence(err); got != want {
					t.Errorf("%v: %q, not %q", err, got, want)
				}
			}
		}
	}
}
