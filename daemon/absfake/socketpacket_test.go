package absfake

import (
	"testing"
)

// Whatever a client sends, decoding it ends in a packet or in an error, and an
// event has a name.
func FuzzDecodeNsp(f *testing.F) {
	for _, s := range []string{"", "0", `0{"a":1}`, `0/foo?x,{}`, `2["ping"]`, `212["auth",null]`, `2[1]`,
		`51-["x",{"_placeholder":true,"num":0}]`, "1", "3[]", `4"x"`, "5-", "2[", "2[[]]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := decodeNsp(text)
		if err != nil {
			return
		}
		if p.kind < nspConnect || p.kind > nspBinaryAck || p.namespace == "" {
			t.Errorf("%q: %+v", text, p)
		}
		if len(p.args) > 0 && p.kind != nspEvent && p.kind != nspBinaryEvent {
			t.Errorf("%q: arguments of no event: %+v", text, p)
		}
		if reservedEvents[p.event()] {
			t.Errorf("%q: a reserved event: %+v", text, p)
		}
	})
}
