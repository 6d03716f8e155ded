package keychain

import "shelfkeeper/daemon/redact"

// Password is a password that is stored, or none. The empty password is one:
// Audiobookshelf lets its root user have it. The zero value is none.
type Password struct {
	secret redact.Secret
	stored bool
}

// StoredPassword returns the secret, which may be empty, as a stored password.
func StoredPassword(secret redact.Secret) Password { return Password{secret, true} }

// IsStored reports whether there is a password.
func (p Password) IsStored() bool { return p.stored }

// Secret returns the password, the empty one if none is stored.
func (p Password) Secret() redact.Secret { return p.secret }

// text returns the password as a record holds it, nil for none.
func (p Password) text() *string {
	if !p.stored {
		return nil
	}
	text := p.secret.Reveal()
	return &text
}

func passwordOf(text *string) Password {
	if text == nil {
		return Password{}
	}
	return StoredPassword(redact.New(*text))
}
