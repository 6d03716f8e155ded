package doctor

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
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/upstream"
)

// connect makes a connection as every request does. What is wrong with TLS is left
// to the next check.
func (r *run) connect(ctx context.Context) Finding {
	a, err := r.ping(ctx)
	if err == nil {
		r.multiplexed = a.Proto == "HTTP/2.0"
	}
	if err == nil || ofTLS(err) {
		return ok("a connection was made")
	}
	return r.obstacle(err)
}

// ofTLS reports an error that came after the connection stood.
func ofTLS(err error) bool {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var verify *tls.CertificateVerificationError
	if errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &verify) || errors.Is(err, http.ErrSchemeMismatch) {
		return true
	}
	text := err.Error()
	return strings.Contains(text, "x509:") || strings.Contains(text, "tls:")
}

// soonEnds is when the end of a certificate is worth a word.
const soonEnds = 14 * 24 * time.Hour

// tls looks at the certificate that the server shows, and at the one that it wants.
func (r *run) tls(ctx context.Context) Finding {
	a, err := r.ping(ctx)
	switch {
	case err != nil:
		return r.certificateFault(err)
	case asksForTLS(a.Body):
		return fault(r.named("sign in with https:// in front of the address: `shelfkeeper login "+r.other("https")+"`"),
			"https is spoken there, and the address says http")
	case asksForCertificate(a):
		return fault(r.named(a.Stands.Remedy), "%s", a.Stands.Evidence)
	case r.base.Scheme != "https":
		return ok("the address is plain http")
	case a.TLS == nil || len(a.TLS.PeerCertificates) == 0:
		return unknown("no certificate was seen")
	}
	leaf := a.TLS.PeerCertificates[0]
	said := fmt.Sprintf("%s by %s, until %s, %s", namesOf(leaf), r.authority(a.TLS),
		leaf.NotAfter.Format("2 January 2006"), tls.VersionName(a.TLS.Version))
	if left := time.Until(leaf.NotAfter); left < soonEnds {
		return note("have the certificate renewed", "%s: it ends in %d days", said, int(left.Hours()/24))
	}
	return ok("%s", said)
}

// other is the server's address by another scheme.
func (r *run) other(scheme string) string {
	other := *r.base
	other.Scheme = scheme
	return other.String()
}

func namesOf(c *x509.Certificate) string {
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	return strings.Join(names, ", ")
}

// authority says who vouches for the certificate, and why that counts here.
func (r *run) authority(s *tls.ConnectionState) string {
	leaf := s.PeerCertificates[0]
	if len(s.VerifiedChains) == 0 {
		return nameOf(leaf.Issuer.CommonName, leaf.Issuer.String()) + ", which is pinned"
	}
	chain := s.VerifiedChains[0]
	root := chain[len(chain)-1]
	said := nameOf(leaf.Issuer.CommonName, leaf.Issuer.String())
	if of := nameOf(root.Subject.CommonName, root.Subject.String()); of != said {
		said += " of " + of
	}
	if system, err := x509.SystemCertPool(); err == nil {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: system, Intermediates: poolOf(s.PeerCertificates[1:])}); err != nil {
			return said + ", an authority of your own"
		}
	}
	return said + ", a public authority"
}

func nameOf(common, whole string) string {
	if common != "" {
		return common
	}
	return whole
}

func poolOf(certs []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool
}

// certificateFault is the fault that an error of TLS is. A chain that is not whole, and
// a certificate that vouches for itself, look alike to the library.
func (r *run) certificateFault(err error) Finding {
	f := r.obstacle(err)
	var verify *tls.CertificateVerificationError
	var untrusted x509.UnknownAuthorityError
	if !errors.As(err, &verify) || !errors.As(err, &untrusted) || len(verify.UnverifiedCertificates) == 0 {
		return f
	}
	leaf := verify.UnverifiedCertificates[0]
	switch {
	case leaf.Issuer.String() == leaf.Subject.String():
		f.Evidence = fmt.Sprintf("the certificate of %s is signed by itself, and by no authority",
			nameOf(leaf.Subject.CommonName, namesOf(leaf)))
		f.Remedy = r.named(fmt.Sprintf("compare its fingerprint with the server's and trust this one certificate: "+
			"`shelfkeeper account set NAME --pin %s`; or have the gateway get one that every program trusts (Caddy, Let's Encrypt)",
			upstream.Fingerprint(leaf)))
	case len(verify.UnverifiedCertificates) == 1 && len(leaf.IssuingCertificateURL) > 0:
		f.Evidence = fmt.Sprintf("the gateway shows its own certificate without that of %s, which signed it",
			nameOf(leaf.Issuer.CommonName, "the authority"))
		f.Remedy = "give the gateway the whole chain (nginx: ssl_certificate fullchain.pem); browsers fetch what is missing, programs do not"
	}
	return f
}

// asksForTLS reports the answer of a port of https to plain http, as nginx, Go's
// programs and Apache word it.
func asksForTLS(body []byte) bool {
	text := strings.ToLower(string(body))
	for _, words := range []string{"plain http request was sent to https port", "sent an http request to an https server",
		"speaking plain http to an ssl-enabled server port"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// asksForCertificate reports an answer in whose place a client certificate is wanted.
func asksForCertificate(a *answer) bool {
	text := strings.ToLower(string(a.Body))
	return strings.Contains(text, "no required ssl certificate") || strings.Contains(text, "the ssl certificate error")
}

// encryption says whether secrets cross a public network in clear.
func (r *run) encryption(ctx context.Context) Finding {
	if r.base.Scheme == "https" {
		return ok("https")
	}
	if allowed, why := upstream.PlainHTTPAllowed(ctx, r.Resolver, r.base); !allowed {
		return fault("give the server a certificate, for example through Caddy, and sign in at its https address", "plain http, and %s", why)
	}
	return note("a certificate at home, too, proves that it is your server that answers", "plain http within your own network")
}

// redirect looks at the other scheme: whether plain http leads to https, and whether
// an address of http has moved there.
func (r *run) redirect(ctx context.Context) Finding {
	if r.base.Scheme == "http" {
		a, err := r.get(ctx, "status", nil)
		if err != nil {
			return r.obstacle(err)
		}
		if to := redirectsTo(r.base, a.Status, a.Header); to != nil && to.Scheme == "https" {
			moved := *r.base
			moved.Scheme, moved.Host = "https", to.Host
			return fault("sign in at its https address: `shelfkeeper login "+moved.String()+"`",
				"the server sends everybody on to %s", moved.String())
		}
		return Finding{}
	}
	switch {
	case r.port() != "443":
		return Finding{} // a port of its own has no plain one beside it
	case r.viaProxy():
		return unknown("not looked at through a proxy")
	}
	status, header, body, err := r.plainly(ctx, "http://"+r.base.Hostname()+r.base.Path+"/ping")
	host := "http://" + r.base.Hostname()
	switch {
	case err != nil:
		return ok("nothing answers at %s", host)
	case status/100 == 3:
		if to := redirectsTo(r.base, status, header); to != nil && to.Scheme == "https" {
			return ok("%s leads to https", host)
		}
	case strings.Contains(body, `"success":true`):
		return note("let the gateway send plain http on to https (nginx: return 301 https://$host$request_uri; Caddy does it by itself)",
			"Audiobookshelf also answers at %s: whoever types that address sends the password in clear", host)
	}
	return ok("%s does not lead to Audiobookshelf", host)
}

// redirectsTo returns where an answer leads, or nil.
func redirectsTo(base *url.URL, status int, header http.Header) *url.URL {
	if status/100 != 3 {
		return nil
	}
	to, err := base.Parse(header.Get("Location"))
	if err != nil {
		return nil
	}
	return to
}

// plainly asks an address outside the policy, with nothing of the account's.
func (r *run) plainly(ctx context.Context, address string) (status int, header http.Header, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*dialDeadline)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, "", err
	}
	t := &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) { return r.Dial(ctx, network, addr) }}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return 0, nil, "", err
	}
	a, err := readAnswer(req.URL.Path, resp, time.Now())
	if err != nil {
		return 0, nil, "", err
	}
	return a.Status, a.Header, string(a.Body), nil
}

// refused is the fault that an answer of absapi's is.
func (r *run) refused(err error) Finding {
	e := absapi.AsError(err)
	if e == nil || e.Remedy == "" {
		return r.obstacle(err)
	}
	return fault(r.named(e.Remedy), "%s", e.Evidence)
}
