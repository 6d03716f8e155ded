package keychain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"strings"

	"filippo.io/age"

	"shelfkeeper/daemon/redact"
)

// identityName is the X25519 identity of a File vault, encrypted with the
// passphrase (age's scrypt recipient).
const identityName = "identity.age"

// itemPrefix opens the names of items: item.<item>.age.
const itemPrefix = "item."

func itemName(item string) string { return itemPrefix + fileName(item) + ".age" }

// scryptWork is the cost of guessing the passphrase, as a power of two: age's
// own default, about a second and a quarter of a gigabyte. Tests lower it.
var scryptWork = 18

// fileStore keeps items in age files sealed to an identity that one passphrase
// unlocks once, at start.
type fileStore struct {
	files    *diskFiles
	identity *age.X25519Identity
}

// itemVersion is the form of an item's content.
const itemVersion = 1

type wireItem struct {
	Version int    `json:"v"`
	Item    string `json:"item"` // so that one item's file does not pass for another's
	Value   string `json:"value"`
}

func (v *Vault) openFileStore(ctx context.Context, passphrase redact.Secret, wrong *WrongPassphrase) (s store, err error) {
	if passphrase.IsEmpty() {
		return nil, fmt.Errorf("%w is missing", ErrPassphrase)
	}
	// scrypt takes hundreds of megabytes once; a daemon that idles in twenty
	// must give them back now rather than at some later collection.
	defer debug.FreeOSMemory()
	unlock, err := v.lockFile(ctx, vaultLock)
	if err != nil {
		return nil, err
	}
	defer unlock()
	defer func() {
		if err != nil {
			v.endUse()
		}
	}()
	if err := v.shareUse(ctx); err != nil {
		return nil, err
	}
	data, err := v.files.read(identityName)
	if errors.Is(err, fs.ErrNotExist) {
		return v.newFileStore(passphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", identityName, err)
	}
	if wrong.is(data, passphrase) {
		return nil, fmt.Errorf("%w is wrong", ErrPassphrase)
	}
	identity, err := openIdentity(data, passphrase)
	if err != nil {
		wrong.remember(data, passphrase, err)
		return nil, err
	}
	return &fileStore{files: v.disk, identity: identity}, nil
}

func openIdentity(data []byte, passphrase redact.Secret) (*age.X25519Identity, error) {
	scrypt, err := age.NewScryptIdentity(passphrase.Reveal())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	r, err := age.Decrypt(bytes.NewReader(data), scrypt)
	if noMatch := new(age.NoIdentityMatchError); errors.As(err, &noMatch) {
		return nil, fmt.Errorf("%w is wrong", ErrPassphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", identityName, ErrUnreadable, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", identityName, ErrUnreadable, err)
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: no identity in it", identityName, ErrUnreadable)
	}
	return identity, nil
}

// newFileStore makes the identity, unless items of a lost one are there.
func (v *Vault) newFileStore(passphrase redact.Secret) (store, error) {
	items, err := v.files.list(itemPrefix)
	if err != nil {
		return nil, err
	}
	sealed, err := v.sealedFiles()
	if err != nil {
		return nil, err
	}
	if all := append(items, sealed...); len(all) > 0 {
		return nil, fmt.Errorf("%w: %s is gone, which opens %s; no new one is made while they exist",
			ErrUnreadable, identityName, strings.Join(all, ", "))
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	recipient, err := age.NewScryptRecipient(passphrase.Reveal())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	recipient.SetWorkFactor(scryptWork)
	data, err := ageSeal(recipient, []byte(identity.String()+"\n"))
	if err != nil {
		return nil, err
	}
	if err := v.files.write(identityName, data); err != nil {
		return nil, err
	}
	return &fileStore{files: v.disk, identity: identity}, nil
}

func ageSeal(to age.Recipient, plain []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (f *fileStore) get(ctx context.Context, item string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	data, err := f.files.read(itemName(item))
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrDenied, err)
	}
	var w wireItem
	r, err := age.Decrypt(bytes.NewReader(data), f.identity)
	if err == nil {
		err = json.NewDecoder(r).Decode(&w)
	}
	if err == nil && w.Version > itemVersion {
		return "", fmt.Errorf("%s: %w: version %d, this program knows up to %d", itemName(item), ErrNewer, w.Version, itemVersion)
	}
	if err != nil || w.Item != item {
		// Not an error of the store: what is in the item is nothing of ours, and
		// the slot's reader reports it as damaged.
		return "damaged", nil
	}
	if w.Value == "" {
		return "", ErrNotFound
	}
	return w.Value, nil
}

func (f *fileStore) set(ctx context.Context, item, value string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	plain, err := marshal(wireItem{Version: itemVersion, Item: item, Value: value})
	if err != nil {
		return err
	}
	data, err := ageSeal(f.identity.Recipient(), plain)
	if err != nil {
		return err
	}
	return f.files.write(itemName(item), data)
}

func (f *fileStore) delete(ctx context.Context, item string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.files.remove(itemName(item))
}
