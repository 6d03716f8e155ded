//go:build !windows && !darwin

package keychain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
	"github.com/zalando/go-keyring"
	ss "github.com/zalando/go-keyring/secret_service"
)

// Names of the Secret Service API.
const (
	secretsName     = "org.freedesktop.secrets"
	secretsPath     = dbus.ObjectPath("/org/freedesktop/secrets")
	secretsIface    = "org.freedesktop.Secret.Service"
	collectionIface = "org.freedesktop.Secret.Collection"
	itemIface       = "org.freedesktop.Secret.Item"
	sessionIface    = "org.freedesktop.Secret.Session"
	loginPath       = secretsPath + "/collection/login"
	noPrompt        = dbus.ObjectPath("/")
)

// secrets is one call over the connection of go-keyring, which lasts as long as
// this process. Items are laid out as go-keyring does it. Its own calls are not
// used: they unlock unasked, wait for a prompt without an end, take any signal for
// the prompt's, and leave a channel behind for each.
type secrets struct {
	*dbus.Conn
	op      callOp
	program string // which keychain it is, "" for an unknown one
}

// byConnection reports whether the keychain grants access by connection, and
// forgets it with the connection. A keychain that is not known may.
func (s *secrets) byConnection() bool { return s.program != gnomeKeyring && s.program != kWallet }

// open returns the collection, unlocked. Unless the user was to be asked, a locked
// one is ErrLocked: Unlock would raise a prompt.
func (s *secrets) open(ctx context.Context) (dbus.ObjectPath, error) {
	collection, locked, err := s.look(ctx)
	if errors.Is(err, ErrNoCollection) && s.op.New {
		if err := createCollection(ctx, s.Conn); err != nil {
			return "", err
		}
		collection, locked, err = s.look(ctx)
	}
	if err == nil && locked {
		err = s.unlock(ctx, collection)
	}
	return collection, err
}

// look finds the collection. Nothing in it waits for a person.
func (s *secrets) look(ctx context.Context) (collection dbus.ObjectPath, locked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			err = probeError(ctx, err)
		}
	}()
	if err := serviceThere(ctx, s.Conn); err != nil {
		return "", false, err
	}
	if collection, err = defaultCollection(ctx, s.Conn); err != nil {
		return "", false, err
	}
	s.program = programOf(ctx, s.Conn)
	if locked, err = property[bool](ctx, s.Conn, collection, collectionIface+".Locked"); err == nil && locked {
		var unlocked bool
		unlocked, err = unlockOpenWallet(ctx, s.Conn, collection)
		locked = !unlocked
	}
	return collection, locked, err
}

// unlock raises the prompt that unlocks a collection or items. It is content when the
// first of them is unlocked.
func (s *secrets) unlock(ctx context.Context, paths ...dbus.ObjectPath) error {
	if !s.op.Prompt {
		return fmt.Errorf("%w: %s", ErrLocked, paths[0])
	}
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	call := s.Object(secretsName, secretsPath).CallWithContext(ctx, secretsIface+".Unlock", 0, paths)
	if err := call.Store(&unlocked, &prompt); err != nil {
		return err
	}
	dismissed, result, err := s.answer(ctx, prompt)
	if err != nil {
		return err
	}
	if more, ok := result.Value().([]dbus.ObjectPath); ok {
		unlocked = append(unlocked, more...)
	}
	if dismissed || !slices.Contains(unlocked, paths[0]) {
		return errDismissed
	}
	return nil
}

var errDismissed = fmt.Errorf("%w: the prompt was dismissed or could not be shown", ErrDenied)

// answer shows a prompt, if there is one, and returns its result.
func (s *secrets) answer(ctx context.Context, prompt dbus.ObjectPath) (dismissed bool, result dbus.Variant, err error) {
	if prompt == noPrompt {
		return false, result, nil
	}
	return answered(ctx, s.Conn, s.program, prompt)
}

// item finds an item in an unlocked collection; "" when there is none.
func (s *secrets) item(ctx context.Context, collection dbus.ObjectPath) (dbus.ObjectPath, error) {
	found, err := s.search(ctx, collection, s.attributes())
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

func (s *secrets) search(ctx context.Context, collection dbus.ObjectPath, attributes map[string]string) (found []dbus.ObjectPath,
	err error) {
	err = s.Object(secretsName, collection).CallWithContext(ctx, collectionIface+".SearchItems", 0, attributes).Store(&found)
	return found, err
}

func (s *secrets) attributes() map[string]string {
	return map[string]string{"username": s.op.Item, "service": s.op.Service}
}

// openItem unlocks an item that is locked by itself, as KeePassXC does with
// entries whose use this connection has not been granted yet.
func (s *secrets) openItem(ctx context.Context, collection, item dbus.ObjectPath) error {
	locked, err := property[bool](ctx, s.Conn, item, itemIface+".Locked")
	if err != nil || !locked {
		return err
	}
	// All that is ours is asked for in one dialog.
	together := []dbus.ObjectPath{item}
	all, err := s.search(ctx, collection, map[string]string{"service": s.op.Service})
	if err != nil {
		return err
	}
	for _, other := range all {
		if locked, err := property[bool](ctx, s.Conn, other, itemIface+".Locked"); err == nil && locked && other != item {
			together = append(together, other)
		}
	}
	return s.unlock(ctx, together...)
}

// within opens a session, in which secrets are exchanged, for as long as do runs.
func (s *secrets) within(ctx context.Context, do func(session dbus.ObjectPath) error) error {
	var none dbus.Variant
	var session dbus.ObjectPath
	call := s.Object(secretsName, secretsPath).CallWithContext(ctx, secretsIface+".OpenSession", 0, "plain", dbus.MakeVariant(""))
	if err := call.Store(&none, &session); err != nil {
		return err
	}
	defer s.Object(secretsName, session).Go(sessionIface+".Close", dbus.FlagNoReplyExpected, nil)
	return do(session)
}

func (s *secrets) get(ctx context.Context) (value string, err error) {
	collection, err := s.open(ctx)
	if err != nil {
		return "", err
	}
	item, err := s.item(ctx, collection)
	if err == nil && item == "" {
		err = keyring.ErrNotFound
	}
	if err == nil {
		err = s.openItem(ctx, collection, item)
	}
	if err != nil {
		return "", err
	}
	err = s.within(ctx, func(session dbus.ObjectPath) error {
		var secret ss.Secret
		err := s.Object(secretsName, item).CallWithContext(ctx, itemIface+".GetSecret", 0, session).Store(&secret)
		value = string(secret.Value)
		return err
	})
	return value, err
}

func (s *secrets) set(ctx context.Context) error {
	collection, err := s.open(ctx)
	if err != nil {
		return err
	}
	if s.byConnection() {
		// CreateItem of KeePassXC before 2.7.6 raises a dialog for each item that it
		// replaces, even for a client that may use it.
		item, err := s.item(ctx, collection)
		if err != nil {
			return err
		}
		if item != "" {
			if err := s.openItem(ctx, collection, item); err != nil {
				return err
			}
			return s.fill(ctx, item, s.op.Value)
		}
	}
	properties := map[string]dbus.Variant{
		itemIface + ".Label":      dbus.MakeVariant(fmt.Sprintf("Password for '%s' on '%s'", s.op.Item, s.op.Service)),
		itemIface + ".Attributes": dbus.MakeVariant(s.attributes()),
	}
	return s.within(ctx, func(session dbus.ObjectPath) error {
		var item, prompt dbus.ObjectPath
		call := s.Object(secretsName, collection).CallWithContext(ctx, collectionIface+".CreateItem", 0, properties,
			ss.NewSecret(session, s.op.Value), true)
		if err := call.Store(&item, &prompt); err != nil {
			return err
		}
		return s.allowed(ctx, prompt)
	})
}

// fill replaces the secret of an item.
func (s *secrets) fill(ctx context.Context, item dbus.ObjectPath, value string) error {
	return s.within(ctx, func(session dbus.ObjectPath) error {
		return s.Object(secretsName, item).CallWithContext(ctx, itemIface+".SetSecret", 0, ss.NewSecret(session, value)).Err
	})
}

// delete removes an item. Where KeePassXC would ask for a confirmation and the user
// was not to be asked, it empties the item, which counts as none.
func (s *secrets) delete(ctx context.Context) error {
	collection, err := s.open(ctx)
	if err != nil {
		return err
	}
	item, err := s.item(ctx, collection)
	if err != nil || item == "" {
		return err
	}
	if s.byConnection() && !s.op.Prompt {
		if err := s.openItem(ctx, collection, item); err != nil {
			return err
		}
		return s.fill(ctx, item, "")
	}
	var prompt dbus.ObjectPath
	if err := s.Object(secretsName, item).CallWithContext(ctx, itemIface+".Delete", 0).Store(&prompt); err != nil {
		return err
	}
	return s.allowed(ctx, prompt)
}

// allowed answers the prompt of a change. KeePassXC has one that it does not show
// for each new item.
func (s *secrets) allowed(ctx context.Context, prompt dbus.ObjectPath) error {
	if prompt != noPrompt && !s.op.Prompt && !s.byConnection() {
		_ = s.Object(secretsName, prompt).Go(promptIface+".Dismiss", dbus.FlagNoReplyExpected, nil).Err
		return fmt.Errorf("%w: it wants to ask the user", ErrLocked)
	}
	dismissed, _, err := s.answer(ctx, prompt)
	if err == nil && dismissed {
		err = errDismissed
	}
	return err
}

// defaultCollection returns the collection go-keyring uses: login, else the one
// that is the default.
func defaultCollection(ctx context.Context, conn *dbus.Conn) (dbus.ObjectPath, error) {
	all, err := property[[]dbus.ObjectPath](ctx, conn, secretsPath, secretsIface+".Collections")
	if err != nil {
		return "", err
	}
	if slices.Contains(all, loginPath) {
		return loginPath, nil
	}
	var path dbus.ObjectPath
	call := conn.Object(secretsName, secretsPath).CallWithContext(ctx, secretsIface+".ReadAlias", 0, "default")
	if err := call.Store(&path); err != nil {
		return "", err
	}
	if path == "/" {
		return "", noCollectionError(ctx, conn)
	}
	return path, nil
}

func property[T any](ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath, name string) (T, error) {
	var value T
	iface, prop := name[:strings.LastIndexByte(name, '.')], name[strings.LastIndexByte(name, '.')+1:]
	var v dbus.Variant
	call := conn.Object(secretsName, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, iface, prop)
	if err := call.Store(&v); err != nil {
		return value, err
	}
	return value, v.Store(&value)
}
