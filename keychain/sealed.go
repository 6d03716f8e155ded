package keychain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// sealedPrefix opens the name of the file of larger secrets: sealed.<key id>.
const sealedPrefix = "sealed."

const sealedPurpose = "larger secrets"

// sealedSchema is the form of that file's content.
const sealedSchema = 1

type wireSealed struct {
	Version int               `json:"v"`
	Items   map[string][]byte `json:"items"`

	unknown string // see unknownFields
}

// PutSealed stores data under name in the one file for secrets that are too
// large for a keychain: gateway headers, client keys. It is durable and read
// back when PutSealed returns nil. Nil data removes the name.
func (v *Vault) PutSealed(ctx context.Context, name string, data []byte) error {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := v.putSealed(ctx, name, data); err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return nil
}

func (v *Vault) putSealed(ctx context.Context, name string, data []byte) error {
	k, err := v.obtainKey(ctx, true)
	if err != nil {
		return err
	}
	if err := v.remember(ctx); err != nil {
		return err
	}
	if err := v.sealedGate.enter(ctx); err != nil {
		return err
	}
	defer v.sealedGate.leave()
	unlock, err := v.lockFile(ctx, vaultLock)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := v.readSealed(k)
	if err != nil {
		return err
	}
	if data == nil {
		delete(all.Items, name)
	} else {
		all.Items[name] = data
	}
	plain, err := marshalWith(all, all.unknown)
	if err != nil {
		return err
	}
	file := k.seal(sealedPurpose, plain)
	if err := v.files.write(sealedPrefix+k.id, file); err != nil {
		return err
	}
	back, err := v.files.read(sealedPrefix + k.id)
	if err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	if !bytes.Equal(back, file) {
		return fmt.Errorf("read it back: %w: it is not what was written", ErrUnreadable)
	}
	return nil
}

// Sealed returns what PutSealed stored under name. The errors are ErrNotFound,
// ErrUnreadable, ErrNewer and the conditions of the keychain.
func (v *Vault) Sealed(ctx context.Context, name string) ([]byte, error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	k, err := v.obtainKey(ctx, false)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	all, err := v.readSealed(k)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	data, ok := all.Items[name]
	if !ok {
		return nil, fmt.Errorf("load %s: %w", name, ErrNotFound)
	}
	return data, nil
}

// readSealed returns the whole file, empty when there is none. k may be nil.
func (v *Vault) readSealed(k *sealKey) (wireSealed, error) {
	all := wireSealed{Version: sealedSchema, Items: map[string][]byte{}}
	names, err := v.files.list(sealedPrefix)
	if err != nil {
		return all, err
	}
	if len(names) == 0 {
		return all, nil
	}
	if k == nil {
		return all, fmt.Errorf("%s: %w: the keychain does not have the key it was sealed with", names[0], ErrUnreadable)
	}
	data, err := v.files.read(sealedPrefix + k.id)
	if errors.Is(err, fs.ErrNotExist) {
		return all, fmt.Errorf("%s: %w: the keychain does not have the key it was sealed with", names[0], ErrUnreadable)
	}
	if err != nil {
		return all, err
	}
	plain, err := k.unseal(sealedPurpose, data)
	if err != nil {
		return all, err
	}
	if err := json.Unmarshal(plain, &all); err != nil {
		return all, fmt.Errorf("%w: its content is not JSON", ErrUnreadable)
	}
	if all.Version > sealedSchema {
		return all, fmt.Errorf("%w: schema %d, this program knows up to %d", ErrNewer, all.Version, sealedSchema)
	}
	if all.Items == nil {
		all.Items = map[string][]byte{}
	}
	all.unknown = unknownFields[wireSealed](plain)
	return all, nil
}
