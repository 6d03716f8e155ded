package absapi

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"time"

	"shelfkeeper/daemon/hostname"
)

// Unvouched is a certificate for which no authority vouches that is known here, or which
// is not the pinned one. A person may know it, and pin it.
type Unvouched struct {
	Address string // where the server shows it
	Why     string // what is wrong with it, as evidence says it
	SHA256  string // as --pin takes it
	Issuer  string
	Names   string // what it is for
	Until   time.Time
}

// PinFact is one line about a certificate, for a person to compare.
type PinFact struct{ Label, Value string }

// Facts are what a person needs to know a certificate again.
func (u *Unvouched) Facts() []PinFact {
	return []PinFact{
		{"Address", hostname.Shown(u.Address)}, {"What is wrong", u.Why}, {"Issued by", u.Issuer}, {"Issued for", u.Names},
		{"Valid until", u.Until.UTC().Format("2 January 2006, 15:04 UTC")}, {"SHA-256 fingerprint", u.SHA256},
	}
}

// PinQuestion is what a person is asked about a certificate, after its facts. A terminal
// and the status page ask in these words.
const PinQuestion = "Is this yours? Compare the fingerprint with what the server itself shows. " +
	"Trust this one certificate there from now on?"

// unvouched returns the server's certificate if only its authority is not known, or if it
// is not the pinned one; else nil.
func unvouched(err error) *Unvouched {
	var verify *tls.CertificateVerificationError
	if !errors.As(err, &verify) || len(verify.UnverifiedCertificates) == 0 {
		return nil
	}
	var unknown x509.UnknownAuthorityError
	var pin interface{ Pinned() }
	if !errors.As(err, &unknown) && !errors.As(err, &pin) {
		return nil
	}
	c := verify.UnverifiedCertificates[0]
	sum := sha256.Sum256(c.Raw)
	u := &Unvouched{SHA256: hex.EncodeToString(sum[:]), Issuer: plain(c.Issuer.String(), 80), Names: namesOf(c), Until: c.NotAfter}
	if string(c.RawIssuer) == string(c.RawSubject) {
		u.Issuer = "itself"
		if name := plain(c.Issuer.String(), 80); name != "" {
			u.Issuer += ": " + name
		}
	}
	if u.Issuer == "" {
		u.Issuer = "nobody that it names"
	}
	return u
}
