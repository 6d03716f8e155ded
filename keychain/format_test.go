package keychain

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

// stored are records as earlier builds wrote them. They stay readable.
var stored = []struct {
	desc, raw string
	want      Record
}{
	{"everything in it",
		`{"v":1,"sum":"543172425a5b65d3","rec":{"lin":"l1","gen":7,"seq":3,"acct":"home","uid":"u-1","user":"demo & <co>",` +
			`"at":"access.token","rt":"refresh.token","prev":"previous.token","pw":"pass&\"word\u2028","static":"api-key","sid":"s-1",` +
			`"orphan":"s-0","spare":"spare","newpw":"next","pwref":true,` +
			`"intent":{"since":"2026-01-02T03:04:05.000000678Z","n":2,"for":3}}}`, fullRecord(7)},
	{"no password stored",
		`{"v":1,"sum":"895b5827bdde581f","rec":{"lin":"L","gen":3,"seq":3,"acct":"home","srv":"https://abs.example.org",` +
			`"uid":"u","user":"demo","at":"a","rt":"r"}}`, Record{
			Lineage: "L", Account: "home", Generation: 3, Server: "https://abs.example.org", UserID: "u", Username: "demo",
			Access: redact.New("a"), Refresh: redact.New("r"),
		}},
	{"three spares, and an emergency key",
		`{"v":1,"sum":"a91e74eb69db4ade","rec":{"lin":"L","gen":5,"seq":3,"acct":"home","srv":"https://abs.example.org","uid":"u",` +
			`"user":"demo","at":"a","rt":"r","spare":"s1","spares":["s2","s3"],"key":"k"}}`, Record{
			Lineage: "L", Account: "home", Generation: 5, Server: "https://abs.example.org", UserID: "u", Username: "demo",
			Access: redact.New("a"), Refresh: redact.New("r"), Spare: redact.New("s1"), EmergencyKey: redact.New("k"),
			MoreSpares: [MostSpares - 1]redact.Secret{redact.New("s2"), redact.New("s3")},
		}},
	{"signed out", `{"v":1,"sum":"3289663e75154027","rec":{"lin":"L","gen":4,"seq":3,"acct":"home","tomb":true}}`,
		Record{Lineage: "L", Account: "home", Generation: 4, Tombstone: true}},
}

func TestStoredRecordsStayReadable(t *testing.T) {
	for _, c := range stored {
		e, err := decodeRecord(c.raw, "home")
		if err != nil || !sameRecord(e.Record, c.want) || e.seq != 3 {
			t.Errorf("%s: got %+v, %v", c.desc, e, err)
			continue
		}
		again, err := encodeRecord(e.Record, e.seq)
		if err != nil || again.raw != c.raw {
			t.Errorf("%s: written again it is %s, %v", c.desc, again.raw, err)
		}
	}
}

// No password and the empty password are two things, stored and read.
func TestEmptyPasswordIsAPassword(t *testing.T) {
	for desc, c := range map[string]struct {
		password Password
		has      bool
	}{
		"none":  {Password{}, false},
		"empty": {StoredPassword(redact.Secret{}), true},
		"some":  {StoredPassword(redact.New("x")), true},
	} {
		e, err := encodeRecord(Record{Account: "home", Generation: 1, Password: c.password, NewPassword: c.password}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e.raw, `"pw":`) != c.has || strings.Contains(e.raw, `"newpw":`) != c.has {
			t.Errorf("%s is stored as %s", desc, e.raw)
		}
		back, err := decodeRecord(e.raw, "home")
		if err != nil || back.Password != c.password || back.NewPassword != c.password || back.Password.IsStored() != c.has {
			t.Errorf("%s is read as %+v, %v", desc, back.Password, err)
		}
	}
}
