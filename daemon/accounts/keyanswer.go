package accounts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"time"
)

// keyAnswersName is the file of what users have said about emergency keys, beside the
// accounts'.
const keyAnswersName = "emergency-keys.json"

// KeyAnswer is what the user of an account has said about an emergency API key.
type KeyAnswer string

const (
	KeyUnasked  KeyAnswer = "" // nothing yet
	KeyDeclined KeyAnswer = "declined"
	KeyMade     KeyAnswer = "made"
)

// keyAnswer belongs to one user of one account: an account of the same name that is
// added later, or that is another user's, has not been asked.
type keyAnswer struct {
	UserID    string    `json:"user_id"`
	CreatedAt time.Time `json:"created_at"`
	Answer    KeyAnswer `json:"answer"`
}

func (k keyAnswer) of(a Account) bool { return k.UserID == a.UserID && k.CreatedAt.Equal(a.CreatedAt) }

// KeyAnswer returns what the user of that account has said. With an error nothing is
// known.
func (b *Book) KeyAnswer(name string) (KeyAnswer, error) {
	a, ok := b.Get(name)
	if !ok {
		return KeyUnasked, nil
	}
	list, err := b.file.keyAnswers()
	if k := list[a.Name]; err == nil && k.of(a) {
		return k.Answer, nil
	}
	return KeyUnasked, err
}

// RememberKeyAnswer keeps what the user of that account has said. The errors are
// ErrNotFound, ErrBusy, ErrNewer and the operating system's. A file that cannot be read
// is replaced, unless a newer version wrote it: the worst is that somebody is asked once
// more.
func (b *Book) RememberKeyAnswer(ctx context.Context, name string, answer KeyAnswer) error {
	a, ok := b.Get(name)
	if !ok {
		return fmt.Errorf("remember the answer: %w: %s", ErrNotFound, name)
	}
	release, err := b.file.lock(ctx)
	if err != nil {
		return fmt.Errorf("remember the answer: %w", err)
	}
	defer release()
	list, err := b.file.keyAnswers()
	if errors.Is(err, ErrNewer) {
		return fmt.Errorf("remember the answer: %w", err)
	}
	if list == nil {
		list = map[string]keyAnswer{}
	}
	maps.DeleteFunc(list, func(name string, k keyAnswer) bool {
		there, ok := b.Get(name)
		return !ok || !k.of(there)
	})
	list[a.Name] = keyAnswer{UserID: a.UserID, CreatedAt: a.CreatedAt, Answer: answer}
	if err := writeSide(b.file.keyAnswersPath(), list); err != nil {
		return fmt.Errorf("remember the answer: %w", err)
	}
	return nil
}

func (f file) keyAnswersPath() string { return filepath.Join(f.dir, keyAnswersName) }

func (f file) keyAnswers() (map[string]keyAnswer, error) {
	list, err := readSide[keyAnswer](f.keyAnswersPath())
	if err != nil {
		return nil, fmt.Errorf("read what was said about emergency keys: %w", err)
	}
	return list, nil
}
