package main

import (
	"errors"
	"os"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain/keyringtest"
)

// A daemon that starts before there is a keychain is never called well before it
// has a token; a keychain that comes back is noticed within two seconds, however
// long it was away; and locked that turns to gone is no recovery.
func TestKeyringThatComesBack(t *testing.T) {
	k := keyringtest.Start(t, keyringtest.Options{})
	p := keyringPlace(t, k)
	s := newServer(t, absfake.Config{})
	p.keyringLogin(s)
	k.Kill()
	p.wanted()
	p.daemon()

	watch := p.watchLevels(t)
	p.until("the keychain is missed", func(a health.Account) bool { return a.Condition == "vault-absent" })
	k.RestartLocked()
	p.until("it is locked", func(a health.Account) bool { return a.Condition == "vault-locked" })
	k.Kill()
	p.until("it is gone again", func(a health.Account) bool { return a.Condition == "vault-absent" })
	if err := watch(); err != nil {
		t.Error(err)
	}
	<-time.After(12 * time.Second) // by now the pause between two looks has grown beyond two seconds
	k.Restart()
	began := time.Now()
	p.until("it is back", fresh)
	took := time.Since(began)
	began = time.Now()
	p.run("", "status") // a busy machine shows in it
	t.Logf("noticed after %v; a command takes %v", took, time.Since(began))
	if took > 2*time.Second+3*time.Since(began) {
		t.Errorf("it was noticed after %v", took)
	}
}

// watchLevels looks at the level again and again until the returned function is
// called, which tells whether it was ever ok.
func (p *place) watchLevels(t *testing.T) func() error {
	client := control.Dial(p.socket())
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		var wrong error
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				ended <- wrong
				return
			case <-tick.C:
			}
			snapshot, err := client.Snapshot(t.Context())
			if err == nil && len(snapshot.Accounts) == 1 && snapshot.Accounts[0].Level < health.Offline {
				wrong = errors.New("called " + snapshot.Accounts[0].Level.String() + " without a token")
			}
		}
	}()
	return func() error {
		close(stop)
		return <-ended
	}
}

// A new user has no keyring yet: the sign-in lets the keychain ask for one.
func TestLoginMakesAKeyring(t *testing.T) {
	keyringtest.Need(t, "xdotool")
	k := keyringtest.Start(t, keyringtest.Options{Prompts: true, NoService: true})
	k.RestartFresh()
	p := keyringPlace(t, k)
	s := newServer(t, absfake.Config{})
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := out.WriteString(password + "\n"); err != nil {
		t.Fatal(err)
	}
	_ = out.Close()
	login := p.startWith(in, "login", s.url, "--username", user, "--password-stdin")
	waitPrompt(k, login)
	k.AnswerNew(keyringtest.Password)
	if code := login.wait(); code != problem.OK {
		t.Fatalf("exit code %d", code)
	}
	p.wanted()
	p.daemon()
	p.until("it is served", fresh)
}
