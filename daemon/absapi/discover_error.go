package absapi

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Cause is the kind of reason for which no server was found. Of several
// attempts the one with the highest cause is reported: it got furthest.
type Cause int

// The causes.
const (
	CauseAddress     Cause = iota + 1 // what was typed is no address; nothing was asked
	CauseName                         // the host's name does not resolve
	CauseUnreachable                  // nothing answers there
	CauseNotABS                       // something answers, and it is no Audiobookshelf
	CauseServer                       // a gateway answers for a server that does not (5xx), or asks to wait (429)
	CauseRedirect                     // redirects that must not be followed
	CauseGateway                      // a gateway wants a sign-in first
	CauseTLS                          // the certificate is not trusted
	CauseSettings                     // our own settings for this server are unusable
	CauseCancelled                    // the caller gave up
)

const passGateway = "let the gateway pass this program, with a header or a rule that needs no browser"

// isFinal reports whether trying other forms of the address could only mislead:
// falling back to http past a bad certificate is what an attacker wants.
func (c Cause) isFinal() bool {
	return c == CauseGateway || c == CauseTLS || c == CauseSettings || c == CauseCancelled
}

// DiscoverError says why no server was found, for a person.
type DiscoverError struct {
	Cause    Cause
	Address  string // what was asked; empty if nothing was
	Evidence string // what was seen, one line
	Remedy   string // what to do about it, one line
	Status   int    // of the answer; 0 if none came
	Err      error
}

// Error returns evidence and remedy in one line.
func (e *DiscoverError) Error() string {
	if e.Address == "" {
		return "find server: " + e.Evidence
	}
	return "find server at " + e.Address + ": " + e.Evidence + "; " + e.Remedy
}

// Unwrap returns the transport error.
func (e *DiscoverError) Unwrap() error { return e.Err }

func badAddress(evidence string) *DiscoverError {
	return &DiscoverError{Cause: CauseAddress, Evidence: evidence, Remedy: "check the address"}
}

// explain says why an answer, or its absence, is no server.
func explain(base *url.URL, a reply, v Verdict, evidence string) *DiscoverError {
	e := &DiscoverError{Address: base.String(), Evidence: evidence, Status: a.status, Err: a.err}
	switch {
	case a.status == 0:
		e.Cause, e.Remedy = unreachable(base, a.err)
	case v == RateLimited, a.status >= 500:
		e.Cause, e.Remedy = CauseServer, "wait until the server runs again, or look at its log and at the gateway's"
	case a.status == 403 && gateway(a) == "":
		e.Cause, e.Remedy = CauseGateway, "something before the server forbids it, a firewall or gateway: ask who runs it to let this "+
			"computer through; if there is none, check host and port"
	case a.header.Get("Www-Authenticate") != "", gateway(a) != "" && a.status != 404:
		e.Cause, e.Remedy = CauseGateway, passGateway
	default:
		e.Cause, e.Remedy = CauseNotABS, "check host, port and sub-folder; Audiobookshelf's own port is 13378 unless changed"
	}
	return e
}

func unreachable(base *url.URL, err error) (Cause, string) {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var proxy interface{ Evidence() string } // a proxy that fails, named by package upstream
	switch {
	case errors.Is(err, context.Canceled):
		return CauseCancelled, "try again"
	case errors.As(err, &proxy):
		var own interface{ Remedy() string }
		if errors.As(err, &own) && own.Remedy() != "" {
			return CauseUnreachable, own.Remedy()
		}
		return CauseUnreachable, "start the proxy, or correct what sets it"
	case errors.As(err, &dns):
		return CauseName, "check the spelling, and whether this computer is in the right network or VPN"
	case isCertificateError(err):
		return CauseTLS, trustRemedy(err)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return CauseUnreachable, "give the address with http:// if the network can be trusted"
	case base.Port() == "":
		return CauseUnreachable, "check that the server runs; if it has no gateway in front, add its port, 13378 unless changed"
	}
	return CauseUnreachable, "check that the server runs and that port " + base.Port() + " is right"
}

// trustRemedy says how a certificate can be trusted. Its fingerprint is for a person to
// compare with what the server itself shows.
func trustRemedy(err error) string {
	const correct = "correct the server's certificate"
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host) && host.Certificate != nil && len(host.Certificate.DNSNames) > 0:
		names := plain(strings.Join(host.Certificate.DNSNames, " or "), maxEvidence)
		return "use the name that the certificate is for, " + names + ", or " + correct
	case errors.As(err, &host):
		return "use the name that the certificate is for, or " + correct
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the server's certificate; if it has just been renewed, restart what serves it, and check this computer's clock"
	}
	var verify *tls.CertificateVerificationError
	if !errors.As(err, &verify) || len(verify.UnverifiedCertificates) == 0 {
		return "give the certificate of your own authority with --ca FILE, or " + correct
	}
	sum := sha256.Sum256(verify.UnverifiedCertificates[0].Raw)
	return fmt.Sprintf("give the certificate of your own authority with --ca FILE; or %s; or, if the server shows the same fingerprint, "+
		"trust this one certificate with --pin %s", correct, hex.EncodeToString(sum[:]))
}

func isCertificateError(err error) bool {
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}
