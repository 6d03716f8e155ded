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
