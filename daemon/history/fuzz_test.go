package history

import (
	"bytes"
	"testing"
)

// Whatever lies in the file: no panic, and what is read is within bounds and
// reads the same once it has been written.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", `{"version":1}`, `{"version":2,"entries":[]}`, `{"version":1,"entries":[{}]}`,
		`{"version":1,"entries":[{"at":"2026-11-21T12:00:00Z","kind":"refresh","outcome":"renewed",` +
			`"generation":3,"issued":"0000-01-01T00:00:00Z"}]}`,
		`{"version":1,"entries":[{"at":"9999-12-31T23:59:59-23:59","count":-5,"attempt":-1,"evidence":"\u0000\u001b[31m\ud800 token=secret"}]}`,
		`{"version":1,"entries":[{"at":"10000-01-01T00:00:00Z"}]}`, `{"version":1,"entries":`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := decode(data)
		if err != nil {
			return
		}
		if len(entries) > maxEntries {
			t.Fatalf("%d entries", len(entries))
		}
		Diagnose(entries, Circumstances{Peers: []Peer{{SameUser: true, Entries: entries}}})
		once, err := encode(entries)
		if err != nil || len(once) > maxBytes {
			t.Fatalf("%d bytes, %v", len(once), err)
		}
		again, err := decode(once)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := encode(again); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
	})
}
