package keychain

import (
	"context"
	"sync"
)

// service is the name under which all items lie in the desktop's keychain.
const service = "shelfkeeper"

// keyItem is the item that holds the key of the sealed files.
const keyItem = "key"

// slotNames are the two alternating items of an account.
var slotNames = [2]string{"a", "b"}

func slotItem(account string, slot int) string { return account + "/" + slotNames[slot] }

// store holds named items. get returns ErrNotFound for an item that is not
// there; an empty item counts as such, since a gnome-keyring killed while it
// creates an item leaves one. delete of a missing item is no error. The other
// errors are the four conditions or wrap the store's own. A write that failed
// may still happen later.
type store interface {
	get(ctx context.Context, item string) (string, error)
	set(ctx context.Context, item, value string) error
	delete(ctx context.Context, item string) error
}

// memoryStore keeps items for the life of the process.
type memoryStore struct {
	mu    sync.Mutex
	items map[string]string
}

func newMemoryStore() *memoryStore { return &memoryStore{items: map[string]string{}} }

func (m *memoryStore) get(ctx context.Context, item string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value := m.items[item]; value != "" {
		return value, ctx.Err()
	}
	return "", ErrNotFound
}

func (m *memoryStore) set(ctx context.Context, item, value string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items[item] = value
	return nil
}

func (m *memoryStore) delete(ctx context.Context, item string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.items, item)
	return nil
}
