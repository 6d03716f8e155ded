package keychain

import (
	"errors"
	"strings"
	"testing"

	"shelfkeeper/keychain/keyringtest"
)

// A new user's keychain has no keyring yet. Nobody is asked for one unasked, and
// the words are those of the program that runs; at a sign-in the service asks for a
// new one by itself.
func TestAKeychainWithoutAKeyring(t *testing.T) {
	keyringtest.Need(t, "xdotool")
	k := keyringtest.Start(t, keyringtest.Options{Prompts: true, NoService: true})
	k.RestartFresh()
	dir := t.TempDir()
	v := osVault(t, dir)
	err := v.Commit(t.Context(), fullRecord(1))
	if !errors.Is(err, ErrAbsent) || !errors.Is(err, ErrNoCollection) || !strings.Contains(Remedy(err), "seahorse") {
		t.Fatalf("unasked: %v, %q", err, Remedy(err))
	}
	if k.Prompting() {
		t.Error("a prompt that nobody asked for")
	}
	if err := v.Commit(WithPrompt(t.Context()), fullRecord(1)); !errors.Is(err, ErrNoCollection) || k.Prompting() {
		t.Errorf("not at a sign-in: %v", err)
	}
	for _, c := range []struct {
		desc   string
		answer func()
		want   error
	}{
		{"dismissed", func() { k.Answer("\x1b") }, ErrDenied},
		{"a new keyring", func() { k.AnswerNew(keyringtest.Password) }, nil},
	} {
		stored := make(chan error, 1)
		go func() { stored <- v.Commit(WithNewKeyring(t.Context()), fullRecord(1)) }()
		waitPrompt(t, k)
		c.answer()
		if err := <-stored; !errors.Is(err, c.want) {
			t.Fatalf("%s: %v", c.desc, err)
		}
	}
	if got, err := osVault(t, dir).Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(1)) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRemediesAreThoseOfTheProgram(t *testing.T) {
	for program, want := range map[string]string{"gnome-keyring": "seahorse", "KWallet": "KWalletManager",
		"KeePassXC": "Database settings, Secret Service Integration", "": "default keyring"} {
		if got := Remedy(errors.Join(ErrAbsent, noCollection{program})); !strings.Contains(got, want) {
			t.Errorf("%s: %q", program, got)
		}
	}
	if got := Remedy(ErrAbsent); got != "" {
		t.Errorf("a keychain that is not there: %q", got)
	}
}
