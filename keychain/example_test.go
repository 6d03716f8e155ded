package keychain_test

import (
	"context"
	"errors"
	"fmt"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// A session is written to the vault before anybody uses it. A record of an older
// generation never replaces a newer one, and a sign-out is final.
func Example() {
	ctx := context.Background()
	vault, err := keychain.Open(ctx, keychain.Options{Backend: keychain.Memory})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = vault.Close() }()

	release, err := vault.Acquire(ctx, "home") // other processes wait
	if err != nil {
		fmt.Println(err)
		return
	}
	defer release()
	for generation := uint64(1); generation <= 2; generation++ {
		record := keychain.Record{Lineage: "one sign-in", Generation: generation, Account: "home",
			Refresh: redact.New(fmt.Sprintf("refresh token %d", generation))}
		if err := vault.Commit(ctx, record); err != nil { // durable from here on
			fmt.Println(err)
		}
	}
	if err := vault.Settle(ctx, "home"); err != nil { // the keychain follows
		fmt.Println(err)
	}
	record, err := vault.Load(ctx, "home")
	fmt.Println(record.Generation, record.Refresh, record.Refresh.Reveal(), err)

	stale := keychain.Record{Lineage: "one sign-in", Generation: 1, Account: "home"}
	fmt.Println(errors.Is(vault.Commit(ctx, stale), keychain.ErrStale))

	fmt.Println(vault.Forget(ctx, "home"))
	_, err = vault.Load(ctx, "home")
	fmt.Println(errors.Is(err, keychain.ErrNotFound))
	// Output:
	// 2 [redacted] refresh token 2 <nil>
	// true
	// <nil>
	// true
}
