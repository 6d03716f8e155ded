package keychain_test

import (
	"context"
	"errors"
	"fmt"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// One renewal, as a session makes it: take the account, commit the new token, settle,
// and only then use the token. See that the token prints as [redacted], that a record
// of an older generation is refused as stale, and that nothing is left after Forget.
func Example() {
	ctx := context.Background()
	vault, err := keychain.Open(ctx, keychain.Options{Backend: keychain.Memory})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = vault.Close() }()

	release, err := vault.Acquire(ctx, "home") // until release, other processes wait here
	if err != nil {
		fmt.Println(err)
		return
	}
	defer release()
	signedIn := keychain.Record{Lineage: "sign-in of 3 May", Generation: 1, Account: "home",
		Refresh: redact.New("first-refresh-token")}
	renewed := signedIn // the same sign-in, one renewal later
	renewed.Generation, renewed.Refresh = 2, redact.New("second-refresh-token")
	for _, record := range []keychain.Record{signedIn, renewed} {
		if err := vault.Commit(ctx, record); err != nil { // safe from a crash from here on
			fmt.Println(err)
		}
	}
	if err := vault.Settle(ctx, "home"); err != nil { // copies it into the keychain
		fmt.Println(err)
	}
	stored, err := vault.Load(ctx, "home")
	fmt.Println("stored: generation", stored.Generation, err)
	fmt.Println("in a log:", stored.Refresh)
	fmt.Println("for the server:", stored.Refresh.Reveal())

	err = vault.Commit(ctx, signedIn)
	fmt.Println("the old record is stale:", errors.Is(err, keychain.ErrStale))

	fmt.Println("forget:", vault.Forget(ctx, "home"))
	_, err = vault.Load(ctx, "home")
	fmt.Println("nothing is left:", errors.Is(err, keychain.ErrNotFound))
	// Output:
	// stored: generation 2 <nil>
	// in a log: [redacted]
	// for the server: second-refresh-token
	// the old record is stale: true
	// forget: <nil>
	// nothing is left: true
}
