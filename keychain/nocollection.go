package keychain

import "errors"

// ErrNoCollection: a keychain runs that has nothing to keep secrets in yet. It
// comes with ErrAbsent.
var ErrNoCollection = errors.New("the keychain runs, but has no keyring yet")

// noCollection is ErrNoCollection of one service.
type noCollection struct{ program string }

func (noCollection) Error() string     { return ErrNoCollection.Error() }
func (noCollection) Is(err error) bool { return err == ErrNoCollection }

// Remedy says what helps against err, in the words of the user's own keychain; ""
// where its kind of error says enough.
func Remedy(err error) string {
	var none noCollection
	if !errors.As(err, &none) {
		return ""
	}
	const again = ", then run `shelfkeeper reauth`; or sign in with `shelfkeeper login URL`, which asks for the password of a new one"
	switch none.program {
	case "gnome-keyring":
		return "make a keyring in Passwords and Keys (the program seahorse)" + again
	case "KWallet":
		return "make a wallet in KWalletManager" + again
	case "KeePassXC":
		return "open a database in KeePassXC and expose a group of it: Database settings, Secret Service Integration; " +
			"then run `shelfkeeper reauth`"
	}
	return "make a default keyring in your desktop's keychain" + again
}
