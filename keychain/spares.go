package keychain

import "shelfkeeper/daemon/redact"

// MostSpares is how many spare sessions a record can hold. How many it has room for
// depends on the length of the user's name, and of the server's address.
const MostSpares = 7

// Spares returns the refresh tokens of the spare sessions, in the order in which
// they are used and renewed.
func (r Record) Spares() (spares []redact.Secret) {
	for _, token := range append([]redact.Secret{r.Spare}, r.MoreSpares[:]...) {
		if !token.IsEmpty() {
			spares = append(spares, token)
		}
	}
	return spares
}

// SetSpares replaces the spare sessions; what is beyond MostSpares is left out.
func (r *Record) SetSpares(spares ...redact.Secret) {
	r.Spare, r.MoreSpares = redact.Secret{}, [MostSpares - 1]redact.Secret{}
	for i, token := range spares {
		if i == 0 {
			r.Spare = token
		} else if i < MostSpares {
			r.MoreSpares[i-1] = token
		}
	}
}

// AddSpare puts a spare session behind the others.
func (r *Record) AddSpare(token redact.Secret) { r.SetSpares(append(r.Spares(), token)...) }

// DropSpare takes the first spare session away: it was used, or is dead.
func (r *Record) DropSpare() {
	if spares := r.Spares(); len(spares) > 0 {
		r.SetSpares(spares[1:]...)
	}
}
