package absapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
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
	CauseTLS                          // no TLS connection comes about: a certificate is wrong, or one of ours is wanted
	CauseSettings                     // our own settings for this server are unusable
	CauseCancelled                    // the caller gave up
)

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
	// Unvouched is the certificate that only a person can vouch for; nil for any other
	// reason.
	Unvouched *Unvouched
	Err       error
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

// checkAddress is the remedy where nothing says more than that no server is there.
const (
	hostAndPort  = "host, port and sub-folder; Audiobookshelf's own port is 13378 unless changed"
	checkAddress = "check " + hostAndPort
)

// explain says why an answer, or its absence, is no server. Evidence and remedy are
// those that status, players and the doctor have for it.
func explain(base *url.URL, a reply, v Verdict, evidence string) *DiscoverError {
	e := &DiscoverError{Address: base.String(), Evidence: evidence, Status: a.status, Err: a.err}
	if a.status == 0 {
		remedy, _ := errorRemedy(a.err)
		e.Cause, e.Remedy = causeOf(a.err), cmp.Or(remedy, "check that the server runs, and its "+hostAndPort)
		if e.Unvouched = unvouched(a.err); e.Unvouched != nil {
			e.Unvouched.Address, e.Unvouched.Why = e.Address, evidence
		}
		return e
	}
	e.Remedy, _ = answerRemedy(a)
	switch {
	case v == RateLimited, a.status >= 500:
		e.Cause = CauseServer
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, gateway(a) != "" && a.status != http.StatusNotFound:
		e.Cause = CauseGateway
	default:
		e.Cause = CauseNotABS
		if gateway(a) == "" && (a.status/100 == 2 || a.status == http.StatusNotFound) {
			e.Remedy = checkAddress
		}
	}
	return e
}

// causeOf sorts the reason for which no answer came.
func causeOf(err error) Cause {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	_, wanted := ofTLS(err)
	switch {
	case errors.Is(err, context.Canceled):
		return CauseCancelled
	case isCertificateError(err):
		return CauseTLS
	case errors.As(err, &dns):
		return CauseName
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record), wanted == "":
		return CauseUnreachable
	}
	return CauseTLS
}

func isCertificateError(err error) bool {
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}
