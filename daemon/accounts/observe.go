package accounts

import (
	"context"
	"fmt"
)

// Observe notes what a server was last seen to be and what it calls the user of
// the account; empty for what is not known. It writes only if that is news, and
// an account that is gone is no error: it was removed meanwhile.
func (b *Book) Observe(ctx context.Context, name, version, username string) error {
	news := func(a Account) bool {
		return version != "" && a.ServerVersion != version || username != "" && a.Username != username
	}
	if a, ok := b.Get(name); !ok || !news(a) {
		return nil
	}
	err := b.change(ctx, func(list []Account) ([]Account, error) {
		if i := index(list, name); i >= 0 {
			if version != "" {
				list[i].ServerVersion = version
			}
			if username != "" {
				list[i].Username = username
			}
		}
		return list, nil
	})
	if err != nil {
		return fmt.Errorf("store what the server of %s is: %w", name, err)
	}
	return nil
}
