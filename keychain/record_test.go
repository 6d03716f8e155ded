package keychain

import (
	"errors"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
)

func fullRecord(generation uint64) Record {
	return Record{
		Lineage: "l1", Generation: generation, Account: "home", UserID: "u-1", Username: "demo & <co>",
		Access: redact.New("access.token"), Refresh: redact.New("refresh.token"), Previous: redact.New("previous.token"),
		Password: StoredPassword(redact.New("pass&\"word\u2028")), Static: redact.New("api-key"), PasswordRefused: true,
		Spare: redact.New("spare"), NewPassword: StoredPassword(redact.New("next")), SessionID: "s-1", Orphan: "s-0",
		Intent: &Intent{Since: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC), Attempt: 2, Purpose: ChangePassword},
	}
}

func sameRecord(a, b Record) bool {
	if (a.Intent == nil) != (b.Intent == nil) {
		return false
	}
	if a.Intent != nil && (!a.Intent.Since.Equal(b.Intent.Since) || a.Intent.Attempt != b.Intent.Attempt ||
		a.Intent.Purpose != b.Intent.Purpose) {
		return false
	}
	a.Intent, b.Intent = nil, nil
	return a == b
}

func TestRecordRoundTrip(t *testing.T) {
	for _, r := range []Record{fullRecord(7), {Account: "x", Generation: 1}, {Account: "x", Generation: 1<<64 - 1, Tombstone: true}} {
		e, err := encodeRecord(r, 3)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRecord(e.raw, r.Account)
		if err != nil || !sameRecord(back.Record, r) || back.seq != 3 {
			t.Errorf("got %+v, %v; want %+v", back, err, r)
		}
	}
}

// No brace of a value stands in the stored text, where KeePassXC would look for a
// placeholder; each value comes back as it was.
func TestBracesOfValues(t *testing.T) {
	for _, value := range []string{
		"{TITLE}", "}{TITLE}", `"{URL}`, `\"{S:x}\\`, `\\`, "{", "}", `{"a":{"b":"}"}}`, `\u007b`, "{REF:P@I:00}",
	} {
		r := fullRecord(3)
		r.Password, r.Username, r.Server = StoredPassword(redact.New(value)), value, value
		e, err := encodeRecord(r, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.SplitAfter(e.raw, "{")[1:] {
			if !strings.HasPrefix(part, `"`) {
				t.Errorf("%q: a brace before %q", value, part)
			}
		}
		if back, err := decodeRecord(e.raw, r.Account); err != nil || !sameRecord(back.Record, r) {
			t.Errorf("%q: %+v, %v", value, back, err)
		}
	}
}

func TestRecordRefusals(t *testing.T) {
	good, err := encodeRecord(fullRecord(7), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		desc, raw string
		want      error
	}{
		{"empty", "", ErrCorrupt},
		{"not JSON", "damaged", ErrCorrupt},
		{"torn", good.raw[:len(good.raw)-9], ErrCorrupt},
		{"one letter changed", strings.Replace(good.raw, "access", "Access", 1), ErrCorrupt},
		{"other account", strings.Replace(good.raw, `"home"`, `"work"`, 1), ErrCorrupt},
		{"no version", strings.Replace(good.raw, `"v":1`, `"v":0`, 1), ErrCorrupt},
		{"newer, with a form nobody knows yet", `{"v":2,"data":"?"}`, ErrNewer},
	} {
		t.Run(c.desc, func(t *testing.T) {
			_, err := decodeRecord(c.raw, "home")
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "token") {
				t.Errorf("the error shows the record: %v", err)
			}
		})
	}
	if _, err := decodeRecord(good.raw, "work"); !errors.Is(err, ErrCorrupt) {
		t.Errorf("another account's record passes: %v", err)
	}
}

func TestEncodeRefusals(t *testing.T) {
	long := fullRecord(1)
	long.Password = StoredPassword(redact.New(strings.Repeat("p", 1500)))
	long.Access = redact.New(strings.Repeat("a", 900))
	_, err := encodeRecord(long, 0)
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "the password has 1500, the access token has 900") {
		t.Errorf("got %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "pppp") {
		t.Error("the error shows the password")
	}

	broken := fullRecord(1)
	broken.Password = StoredPassword(redact.New("\xff\xfe"))
	if _, err := encodeRecord(broken, 0); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "password") {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"", "a/b", "a\x00", strings.Repeat("n", 65)} {
		if _, err := encodeRecord(Record{Account: name, Generation: 1}, 0); !errors.Is(err, ErrInvalid) {
			t.Errorf("account %q: %v", name, err)
		}
	}
	if _, err := encodeRecord(Record{Account: "x"}, 0); !errors.Is(err, ErrInvalid) {
		t.Errorf("generation 0: %v", err)
	}
}

func TestRecordFillsTheLimitExactly(t *testing.T) {
	base, err := encodeRecord(Record{Account: "x", Generation: 1, Access: redact.New("a")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	room := maxRecord - len(base.raw)
	fits := Record{Account: "x", Generation: 1, Access: redact.New(strings.Repeat("a", 1+room))}
	if _, err := encodeRecord(fits, 0); err != nil {
		t.Errorf("a record of the limit is refused: %v", err)
	}
	over := fits
	over.Access = redact.New(strings.Repeat("a", 2+room))
	if _, err := encodeRecord(over, 0); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte over: %v", err)
	}
}

func TestFileNames(t *testing.T) {
	for in, want := range map[string]string{"home": "home", "Home": "%48ome", "a.b": "a%2eb", "ü": "%c3%bc", `..\x`: "%2e%2e%5cx"} {
		if got := fileName(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	good, err := encodeRecord(fullRecord(7), 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.raw)
	f.Add(`{"v":2}`)
	f.Add(`{"v":1,"sum":"","rec":null}`)
	f.Fuzz(func(t *testing.T, raw string) {
		e, err := decodeRecord(raw, "home")
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Fatalf("unclassified: %v", err)
			}
			return
		}
		// What is accepted can be stored again and means the same.
		again, err := encodeRecord(e.Record, e.seq)
		if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrInvalid) {
			return
		}
		back, err := decodeRecord(again.raw, "home")
		if err != nil || !sameRecord(back.Record, e.Record) {
			t.Fatalf("%q becomes %q: %v", raw, again.raw, err)
		}
	})
}

func FuzzUnseal(f *testing.F) {
	k := sealKeyOf([32]byte{1, 2, 3})
	good, err := encodeRecord(fullRecord(7), 1)
	if err != nil {
		f.Fatal(err)
	}
	sealed := k.seal(journalPurpose("home"), []byte(good.raw))
	f.Add(sealed)
	f.Add([]byte(magic + "2\n"))
	f.Add([]byte(magic + "1\nshort"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeJournal(data, "home", k, "journal")
		switch {
		case err == nil && e.raw != good.raw:
			t.Fatal("a journal was forged")
		case err != nil && !errors.Is(err, ErrUnreadable) && !errors.Is(err, ErrNewer):
			t.Fatalf("unclassified: %v", err)
		}
	})
}

func TestSealIsBound(t *testing.T) {
	k, other := newSealKey(), newSealKey()
	sealed := k.seal(journalPurpose("home"), []byte("x"))
	if plain, err := k.unseal(journalPurpose("home"), sealed); err != nil || string(plain) != "x" {
		t.Fatal(plain, err)
	}
	if _, err := k.unseal(journalPurpose("work"), sealed); !errors.Is(err, ErrUnreadable) {
		t.Error("another account's journal opens")
	}
	if _, err := other.unseal(journalPurpose("home"), sealed); !errors.Is(err, ErrUnreadable) {
		t.Error("another key opens it")
	}
	for i := range sealed {
		bad := append([]byte(nil), sealed...)
		bad[i] ^= 1
		if _, err := k.unseal(journalPurpose("home"), bad); err == nil {
			t.Fatalf("byte %d may change", i)
		}
	}
	back, err := decodeKey(k.encode())
	if err != nil || back.id != k.id || back.raw != k.raw {
		t.Error("the key does not survive its item", err)
	}
	for text, want := range map[string]error{"": ErrCorrupt, `{"v":1,"key":"AAAA"}`: ErrCorrupt, `{"v":2}`: ErrNewer,
		`{"key":"x"}`: ErrCorrupt} {
		if _, err := decodeKey(text); !errors.Is(err, want) {
			t.Errorf("key %q: %v", text, err)
		}
	}
}
