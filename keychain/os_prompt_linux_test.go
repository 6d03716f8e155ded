package keychain

import (
	"errors"
	"testing"

	"shelfkeeper/keychain/keyringtest"
)

// The user asked, and answers the prompt.
func TestPromptAnswered(t *testing.T) {
	keyringtest.Need(t, "xdotool")
	k := keyringtest.Start(t, keyringtest.Options{Prompts: true})
	dir := t.TempDir()
	put(t, osVault(t, dir), fullRecord(1))
	k.Lock()
	for _, c := range []struct {
		desc, text string
		want       error
	}{
		{"dismissed", "\x1b", ErrDenied},
		{"answered", keyringtest.Password, nil},
	} {
		v := osVault(t, dir)
		unlocked := make(chan error, 1)
		go func() { unlocked <- v.Unlock(WithPrompt(t.Context())) }()
		waitPrompt(t, k)
		k.Answer(c.text)
		if err := <-unlocked; !errors.Is(err, c.want) {
			t.Fatalf("%s: %v", c.desc, err)
		}
		if c.want != nil {
			if !errors.Is(v.condition(), c.want) {
				t.Errorf("%s: condition %v", c.desc, v.condition())
			}
			continue
		}
		if got, err := v.Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(1)) {
			t.Errorf("%s: %+v, %v", c.desc, got, err)
		}
	}
}
