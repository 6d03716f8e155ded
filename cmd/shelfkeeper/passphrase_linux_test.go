package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// vaultFiles lists what lies in the vault's directory but for locks.
func (p *place) vaultFiles() (names []string) {
	p.t.Helper()
	list, err := os.ReadDir(p.state("vault"))
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	for _, f := range list {
		if !strings.Contains(f.Name(), "lock") {
			names = append(names, f.Name())
		}
	}
	return names
}

// A new vault's passphrase is asked for twice, and holds from the first session
// on: a sign-in that fails leaves the choice open.
func TestNewPassphraseIsAskedTwice(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), barePlace(t, nil)
	p.secrets = append(p.secrets, password)
	login := func(password, ended, first, second string, code problem.Code, says string) {
		t.Helper()
		r, master := p.atTerminal("login", s.url, "-u", user, "--store", "file")
		r.asked("New passphrase of the vault: ", master)
		r.typeIn(master, first+"\n")
		r.asked("New passphrase of the vault again: ", master)
		r.typeIn(master, second+"\n")
		if first == second && first != "" { // the vault is open
			r.asked("Password of alice: ", master)
			r.typeIn(master, password+ended)
		}
		if got := r.wait(); got != code || !strings.Contains(r.stdout.text(), says) {
			t.Fatalf("exit code %d\n%s", got, r.stdout.text())
		}
	}
	login(password, "\n", "one", "two", problem.Usage, "the two passphrases differ")
	login(password, "\n", "", "", problem.Usage, "the new passphrase is empty")
	if left := p.vaultFiles(); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	login("half a pass", "\x03", "mistyped", "mistyped", problem.Interrupted, "interrupted")
	if left := p.vaultFiles(); len(left) > 0 {
		t.Errorf("after Ctrl-C at the password %v is left", left)
	}
	login("wrong", "\n", "mistyped", "mistyped", problem.Rejected, "refused this user name and password")
	if left := p.vaultFiles(); len(left) > 0 {
		t.Errorf("after a sign-in that failed %v is left", left)
	}
	login(password, "\n", passphrase, passphrase, problem.OK, "Signed in to ")
	p.env = append(p.env, "SHELFKEEPER_PASSPHRASE="+passphrase)
	p.ok("", "reauth")

	// Once more with what a vault holds: a sign-in that fails takes nothing away.
	if r := p.run("wrong\n", "login", s.url, "-u", user, "--password-stdin"); r.code != problem.Rejected {
		t.Fatalf("%d\n%s", r.code, r.stderr)
	}
	p.ok("", "reauth")
	// After the last sign-out another store can be chosen.
	p.ok("", "logout")
	if left := p.vaultFiles(); len(left) > 0 {
		t.Errorf("after the sign-out %v is left", left)
	}
}

// The file that should hold the passphrase is named, with what is wrong with it.
func TestPassphraseFileIsNamed(t *testing.T) {
	t.Parallel()
	s := newServer(t, absfake.Config{})
	p := barePlace(t, nil)
	p.cheapVault()
	empty := filepath.Join(p.home, "empty")
	p.write(empty, "")
	for path, cause := range map[string]string{
		filepath.Join(p.home, "none"): filepath.Join(p.home, "none") + ": no such file or directory",
		empty:                         empty + " is empty",
		p.home:                        p.home + " is a directory",
	} {
		p.env = append(p.env, "SHELFKEEPER_PASSPHRASE_FILE="+path)
		a := signIn(s.url)
		r := p.run(a.stdin, a.args...)
		if r.code != problem.Vault || !strings.Contains(r.stderr, "the vault's passphrase: SHELFKEEPER_PASSPHRASE_FILE: ") ||
			!strings.Contains(r.stderr, cause+"\n  → correct that file, or unset SHELFKEEPER_PASSPHRASE_FILE to be asked") {
			t.Errorf("%s: %d\n%s", path, r.code, r.stderr)
		}
	}
	good := filepath.Join(p.home, "good")
	p.write(good, passphrase+"\n")
	p.env = append(p.env, "SHELFKEEPER_PASSPHRASE_FILE="+good)
	p.login(s)
}
