package home

import (
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/accounts"
)

// What the vault holds and accounts.json does not is listed again; what the user
// signed out of is not.
func TestOrphansAreListedAgain(t *testing.T) {
	fake := newFake(t, absfake.Config{})
	h := testHome(t, fake)
	answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if err != nil {
		t.Fatal(err)
	}
	before, _ := h.Book.Get(answer.Account)
	if list, err := h.AdoptOrphans(t.Context()); len(list) != 0 || err != nil {
		t.Errorf("with nothing to do: %+v, %v", list, err)
	}
	// The crash: the session is in the vault, and the account is not listed.
	if err := h.Book.Remove(t.Context(), answer.Account); err != nil {
		t.Fatal(err)
	}
	list, err := h.AdoptOrphans(t.Context())
	if len(list) != 1 || err != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	now, _ := h.Book.Get(answer.Account)
	if now != list[0] || now.Server != before.Server || now.UserID != before.UserID || now.Username != before.Username ||
		now.Method != accounts.Password || now.Store != before.Store || now.Port == 0 || now.AllowHTTP {
		t.Errorf("%+v\nwas %+v", now, before)
	}
	if err := h.Reauthenticate(t.Context(), answer.Account); err != nil {
		t.Errorf("its session: %v", err)
	}
	if err := h.SignOut(t.Context(), answer.Account); err != nil {
		t.Fatal(err)
	}
	if list, err := h.AdoptOrphans(t.Context()); len(list) != 0 || err != nil || len(h.Book.All()) != 0 {
		t.Errorf("after signing out: %+v, %v", list, err)
	}
}

// A daemon may list the account before the command that signs in does.
func TestSignInThatIsListedMeanwhile(t *testing.T) {
	h := testHome(t, newFake(t, absfake.Config{}))
	answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := h.Book.Get(answer.Account)
	wanted := a
	wanted.Port = 0
	kept, err := h.keepAccount(t.Context(), wanted, false)
	if err != nil || kept.Port != a.Port || !kept.CreatedAt.Equal(a.CreatedAt) {
		t.Errorf("%+v, %v", kept, err)
	}
}
