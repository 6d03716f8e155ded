package keychain

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
)

// signedIn is a record as a sign-in leaves it, with tokens of that length.
func signedIn(password Password, token int) Record {
	secret := func(c string) redact.Secret { return redact.New(strings.Repeat(c, token)) }
	return Record{
		Lineage: strings.Repeat("L", 26), Generation: 1, Account: "abs-example-org-alice", Server: "https://abs.example.org/audiobookshelf",
		UserID: strings.Repeat("u", idRoom), Username: "alice", Access: secret("a"), Refresh: secret("r"), Password: password,
	}
}

// What passes the check at the sign-in never fails for its size later: with the
// intent of each purpose, with a next password, with longer tokens and with ids.
func TestRecordThatHasRoomCanBeRenewed(t *testing.T) {
	last := 0
	for n := range maxRecord {
		r := signedIn(StoredPassword(redact.New(strings.Repeat("p", n))), 280)
		if err := CheckRoom(r); err != nil {
			var size *SizeError
			if !errors.Is(err, ErrTooLarge) || !errors.As(err, &size) || !size.Room || !size.Password ||
				strings.Contains(err.Error(), "ppp") {
				t.Fatalf("%d bytes: %v", n, err)
			}
			last = n - 1
			break
		}
		for purpose := RenewPair; purpose <= ChangePassword; purpose++ {
			r := r
			r.Generation, r.SessionID, r.Orphan = 9_999_999, pad("", idRoom), pad("", idRoom)
			r.Access, r.Refresh, r.Previous = longer(r.Access), longer(r.Refresh), longer(r.Refresh)
			r.PasswordRefused = true
			r.NewPassword = StoredPassword(redact.New(pad("", passwordRoom)))
			r.Intent = &Intent{Since: time.Date(2026, 11, 26, 13, 40, 59, 123456789, time.UTC), Attempt: 999, Purpose: purpose}
			e, err := encodeRecord(r, 999)
			if err != nil {
				t.Fatalf("a password of %d bytes leaves no room for %d: %v", n, purpose, err)
			}
			if e.Record.Refresh != r.Refresh || e.Record.Password != r.Password {
				t.Fatal("more than the previous token was dropped")
			}
		}
	}
	if last < 1000 || last > 1411 {
		t.Errorf("passwords of up to %d bytes are taken", last)
	}
}

// Long names are in each token. Without a password the error does not speak of
// one.
func TestRoomForLongNames(t *testing.T) {
	for token := 280; ; token += 20 {
		r := signedIn(Password{}, token)
		if err := CheckRoom(r); err != nil {
			var size *SizeError
			if !errors.As(err, &size) || size.Password || token < 600 {
				t.Errorf("tokens of %d bytes: %v", token, err)
			}
			return
		}
		r.Spare = r.Refresh
		if err := CheckRoom(r); err == nil { // with the spare too
			r.Previous, r.NewPassword = r.Refresh, StoredPassword(redact.New(pad("", passwordRoom)))
			r.Intent = &Intent{Since: time.Now(), Attempt: 3, Purpose: PromoteSpare}
			if _, err := encodeRecord(r, 999); err != nil {
				t.Fatalf("tokens of %d bytes leave no room: %v", token, err)
			}
		}
	}
}

// A record that an earlier build accepted, up to 2,300 bytes, can be renewed.
func TestRecordsOfTheEarlierLimitCanBeRenewed(t *testing.T) {
	const earlier = 2300
	r := signedIn(StoredPassword(redact.New("p")), 280)
	e, err := encodeRecord(r, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.Password = StoredPassword(redact.New(strings.Repeat("p", 1+earlier-len(e.raw))))
	if e, err = encodeRecord(r, 0); err != nil || len(e.raw) != earlier {
		t.Fatal(len(e.raw), err)
	}
	r.Intent = &Intent{Since: time.Now(), Attempt: 99}
	if _, err := encodeRecord(r, 99); err != nil {
		t.Error("the intent does not fit:", err)
	}
	r.Intent, r.Previous, r.Generation, r.SessionID = nil, r.Refresh, 999, pad("", idRoom)
	if e, err := encodeRecord(r, 0); err != nil || !e.Record.Previous.IsEmpty() {
		t.Error("the next pair does not fit:", err)
	}
}

func TestRoomOfTokensThatNobodyRenews(t *testing.T) {
	key := signedIn(Password{}, 0)
	key.Static = redact.New(strings.Repeat("k", 1700))
	if err := CheckRoom(key); err != nil {
		t.Error(err)
	}
	// A server before 2.26 may be upgraded: then two tokens take its place.
	legacy := signedIn(StoredPassword(redact.New(strings.Repeat("p", 1700))), 0)
	legacy.Static = redact.New(strings.Repeat("k", 200))
	if err := CheckRoom(legacy); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if err := CheckRoom(Record{Generation: 1}); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

// A newer build's fields survive an older one that rotates, marks and settles.
func TestUnknownFieldsAreKept(t *testing.T) {
	const intent = `{"since":"2026-01-02T03:04:05Z","n":2,"for":1,"via":"door"}`
	body := `{"lin":"l","gen":3,"zeta":[1,2.50],"acct":"home","at":"a","rt":"r","intent":` + intent + `,"alpha":{"k":"<é>"},"PW":"x"}`
	raw := fmt.Sprintf(`{"v":1,"sum":%q,"rec":%s}`, checksum([]byte(body)), body)
	e, err := decodeRecord(raw, "home")
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"alpha":{"k":"<é>"},"zeta":[1,2.50]}`; e.Record.unknown != want || e.Record.Intent.unknown != `{"via":"door"}` {
		t.Fatalf("kept %s and %s", e.Record.unknown, e.Record.Intent.unknown)
	}
	v, err := Open(t.Context(), Options{Backend: Memory})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	r := e.Record
	for range 3 { // the journal and both slots
		if err := v.Commit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := v.Settle(t.Context(), "home"); err != nil {
			t.Fatal(err)
		}
		if r, err = v.Reopen().Load(t.Context(), "home"); err != nil || r.unknown != e.Record.unknown ||
			r.Intent.unknown != `{"via":"door"}` {
			t.Fatalf("%+v, %v", r, err)
		}
		r.Generation++
		r.Refresh = redact.New("next")
	}
	again, err := encodeRecord(r, 0)
	if err != nil || !strings.Contains(again.raw, `,"alpha":{"k":"<é>"},"zeta":[1,2.50]}`) {
		t.Errorf("%s, %v", again.raw, err)
	}
}

// An attempt of a kind that this build does not know is not taken for another.
func TestUnknownAttemptIsNewer(t *testing.T) {
	body := `{"gen":3,"acct":"home","intent":{"since":"2026-01-02T03:04:05Z","n":1,"for":4}}`
	_, err := decodeRecord(fmt.Sprintf(`{"v":1,"sum":%q,"rec":%s}`, checksum([]byte(body)), body), "home")
	if !errors.Is(err, ErrNewer) {
		t.Error(err)
	}
}

func TestUnknownFieldsOfLargerSecretsAreKept(t *testing.T) {
	v, err := Open(t.Context(), Options{Backend: Memory})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	if err := v.PutSealed(t.Context(), "one", []byte("x")); err != nil {
		t.Fatal(err)
	}
	k := v.heldKey()
	name := sealedPrefix + k.id
	if err := v.files.write(name, k.seal(sealedPurpose, []byte(`{"v":1,"items":{"one":"eA=="},"later":{"a":1}}`))); err != nil {
		t.Fatal(err)
	}
	if err := v.PutSealed(t.Context(), "two", []byte("y")); err != nil {
		t.Fatal(err)
	}
	data, err := v.files.read(name)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := k.unseal(sealedPurpose, data)
	if err != nil || string(plain) != `{"v":1,"items":{"one":"eA==","two":"eQ=="},"later":{"a":1}}` {
		t.Errorf("%s, %v", plain, err)
	}
}
