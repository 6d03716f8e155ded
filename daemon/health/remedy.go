package health

import "strings"

// For returns a remedy as the user of an account can run it: what knows no account
// writes NAME for it.
func For(account, remedy string) string {
	if account == "" {
		return remedy
	}
	return strings.ReplaceAll(remedy, "account set NAME", "account set "+account)
}

// ForSignIn returns a remedy as it is run for a server that no account is of yet: what
// an account would be given comes with the sign-in.
func ForSignIn(address, remedy string) string {
	return strings.ReplaceAll(remedy, "account set NAME", "login "+address)
}
