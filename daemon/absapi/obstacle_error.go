package absapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/netcause"
)

// ErrorObstacle says why no answer came, in the same words wherever it shows.
func ErrorObstacle(err error) Obstacle {
	remedy, needsUser := errorRemedy(err)
	return Obstacle{Evidence: transportEvidence(err), Remedy: remedy, NeedsUser: needsUser}
}

// tlsAlert is the text of an alert that the other side sent, or "".
func tlsAlert(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return ""
	}
	return op.Err.Error()
}

// oldTLS reports whether both sides share no version of TLS.
func oldTLS(err error) bool {
	return strings.Contains(tlsAlert(err), "protocol version not supported") ||
		strings.Contains(err.Error(), "tls: server selected unsupported protocol version")
}

// ofCertificate says what is wrong with the server's certificate, "" for nothing.
func ofCertificate(err error) (evidence, remedy string) {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		finger := "SHA256"
		if u := unvouched(err); u != nil {
			finger = u.SHA256
		}
		return "the certificate is not trusted" + issuer(unknown.Cert), "name the authority that issued it: " + setAuthority +
			"; or, if the server shows the same fingerprint, trust this one certificate: `shelfkeeper account set NAME --pin " +
			finger + "`"
	case errors.As(err, &host) && host.Certificate != nil && host.Certificate.Subject.CommonName != "" &&
		len(host.Certificate.DNSNames)+len(host.Certificate.IPAddresses) == 0:
		return plain(fmt.Sprintf("the certificate names %q as its common name only, which no program reads any more",
			host.Certificate.Subject.CommonName),
			maxEvidence), "make the certificate anew with " + plain(hostname.ShownName(host.Host), 80) + " as its subjectAltName"
	case errors.As(err, &host):
		has := namesOf(host.Certificate)
		return plain("the certificate is for another name than "+hostname.ShownName(host.Host)+": it has "+has, maxEvidence),
			"use an address with a name that the certificate has, or make it anew with this one"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore):
		return "the certificate is not valid before " + invalid.Cert.NotBefore.UTC().Format(time.DateTime) + " UTC" + issuer(invalid.Cert),
			"set this machine's clock right; if it is right, make the certificate anew"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		when := ""
		if invalid.Cert != nil && !invalid.Cert.NotAfter.IsZero() {
			when = " on " + invalid.Cert.NotAfter.UTC().Format(time.DateOnly)
		}
		return "the certificate has expired" + when + issuer(invalid.Cert),
			"renew the certificate at the gateway, and check this machine's clock"
	}
	return "", ""
}

// namesOf lists the names of a certificate, the first few.
func namesOf(c *x509.Certificate) string {
	if c == nil {
		return "others"
	}
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	for i, name := range names {
		names[i] = plain(name, 60)
	}
	if len(names) == 0 {
		return "none"
	}
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	return strings.Join(names, ", ")
}

// ofTLS says what the other side of a TLS connection wants, "" for nothing.
func ofTLS(err error) (evidence, remedy string) {
	var record tls.RecordHeaderError
	switch alert := tlsAlert(err); {
	case strings.Contains(alert, "certificate required"):
		return "the gateway wants a client certificate", "give it one: " + setClientCert
	case strings.Contains(alert, "bad certificate"), strings.Contains(alert, "unknown certificate"),
		strings.Contains(alert, "unsupported certificate"),
		strings.Contains(alert, "expired certificate"), strings.Contains(alert, "revoked certificate"),
		strings.Contains(alert, "access denied"):
		return "the gateway wants a client certificate that it knows: " + plain(alert, 60), "give it one: " + setClientCert
	case oldTLS(err):
		return "the gateway speaks no version of TLS that is safe", "let it speak TLS 1.2 or 1.3 (nginx: ssl_protocols TLSv1.2 TLSv1.3)"
	case strings.Contains(alert, "unrecognized name"):
		return "the gateway has no site of this name", "correct the server's address, or give the gateway a site of this name"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return "no TLS is spoken there: the address is plain http",
			"sign in with http:// in front of the address if the network can be trusted, or let the gateway speak TLS there"
	case alert != "":
		return "the gateway ends the TLS handshake: " + plain(alert, 60),
			"look at the gateway's log; if it wants a client certificate, give it one: " + setClientCert
	}
	return "", ""
}

// errorRemedy says what ends a failure of the connection, and whether only the user can.
func errorRemedy(err error) (remedy string, needsUser bool) {
	var dns *net.DNSError
	var own interface{ Remedy() string }
	var lasting interface{ Pinned() }
	switch {
	case err == nil:
		return "", false
	case errors.Is(err, context.Canceled):
		return "try again", false
	case errors.As(err, &own):
		return own.Remedy(), errors.As(err, &lasting) // a proxy may start again
	case errors.As(err, &dns) && dns.IsNotFound:
		return "check the spelling of the server's name, and whether this machine is in the right network or VPN", false
	}
	if _, remedy := ofCertificate(err); remedy != "" {
		return remedy, true
	}
	if _, remedy := ofTLS(err); remedy != "" {
		return remedy, true
	}
	if netcause.Of(err) == netcause.Refused {
		return "start the server, or correct the port in its address; Audiobookshelf's own is 13378 unless changed", false
	}
	return "", false
}
