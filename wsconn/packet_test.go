package wsconn

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		frame string
		want  Packet
	}{
		{`0{"sid":"x"}`, Packet{Engine: EngineOpen, Data: []byte(`{"sid":"x"}`)}},
		{`2`, Packet{Engine: EnginePing}},
		{`2probe`, Packet{Engine: EnginePing, Data: []byte("probe")}},
		{`40`, Packet{Engine: EngineMessage, Type: Connect}},
		{`40{"sid":"y"}`, Packet{Engine: EngineMessage, Type: Connect, Data: []byte(`{"sid":"y"}`)}},
		{`41`, Packet{Engine: EngineMessage, Type: Disconnect}},
		{`41/foo`, Packet{Engine: EngineMessage, Type: Disconnect, Namespace: "/foo"}},
		{`42["init",{}]`, Packet{Engine: EngineMessage, Type: EventType, Data: []byte(`["init",{}]`)}},
		{`42/,["init"]`, Packet{Engine: EngineMessage, Type: EventType, Data: []byte(`["init"]`)}},
		{`42/foo,17["a"]`, Packet{Engine: EngineMessage, Type: EventType, Namespace: "/foo", HasID: true, ID: 17, Data: []byte(`["a"]`)}},
		{`42[1]`, Packet{Engine: EngineMessage, Type: EventType, Data: []byte(`[1]`)}},
		{`430[]`, Packet{Engine: EngineMessage, Type: Ack, HasID: true, Data: []byte(`[]`)}},
		{`44/foo,{"message":"Invalid namespace"}`,
			Packet{Engine: EngineMessage, Type: ConnectError, Namespace: "/foo", Data: []byte(`{"message":"Invalid namespace"}`)}},
		{`44"no"`, Packet{Engine: EngineMessage, Type: ConnectError, Data: []byte(`"no"`)}},
		{`451-["a",{"_placeholder":true,"num":0}]`,
			Packet{Engine: EngineMessage, Type: BinaryEvent, Attachments: 1, Data: []byte(`["a",{"_placeholder":true,"num":0}]`)}},
		{`462-/x,3[]`, Packet{Engine: EngineMessage, Type: BinaryAck, Attachments: 2, Namespace: "/x", HasID: true, ID: 3, Data: []byte(`[]`)}},
	} {
		got, err := Decode([]byte(c.frame))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.frame, got, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, frame := range []string{
		"", "7", "b", "x", "\x1e", "4", "47", "4x", "42", "42{}", `42["a"`, `42["a"]x`, `42[]`, `42[null,1]`, `42[{}]`, `42"a"`, `43`, `43{}`,
		`40[]`, `40"x"`, `41{}`, `41[]`, `44`, `44[]`, `45["a"]`, `45-["a"]`, `45x-["a"]`, `4565-["a"]`, `45999999999999999999-["a"]`, `451`,
		`42/` + strings.Repeat("n", maxNamespace) + `,["a"]`,
		`42` + strings.Repeat("9", 21) + `["a"]`, `<html>`, "42" + strings.Repeat("[", 20000),
	} {
		if p, err := Decode([]byte(frame)); !errors.Is(err, ErrPacket) {
			t.Errorf("%.40q: %+v, %v", frame, p, err)
		}
	}
	long := make([]byte, MaxPacket+1)
	long[0] = '6'
	if _, err := Decode(long); !errors.Is(err, ErrPacket) {
		t.Errorf("beyond the bound: %v", err)
	}
	if _, err := Decode(long[:MaxPacket]); err != nil {
		t.Errorf("at the bound: %v", err)
	}
}

func TestEvent(t *testing.T) {
	for _, c := range []struct{ frame, name, args string }{
		{`42["init",{"userId":"u"}]`, "init", `[{"userId":"u"}]`},
		{`42["pong"]`, "pong", `[]`},
		{`42 [ "a\u0062" , 1,[2 , 3] ] `, "ab", `[1,[2 , 3] ]`},
		{`42["x,]y",",",2]`, "x,]y", `[",",2]`},
		{`451-["bin",{"_placeholder":true,"num":0}]`, "bin", `[{"_placeholder":true,"num":0}]`},
	} {
		p, err := Decode([]byte(c.frame))
		e, ok := p.Event()
		if err != nil || !ok || e.Name != c.name || string(e.Args) != c.args {
			t.Errorf("%s: %q %s, %v %v", c.frame, e.Name, e.Args, ok, err)
		}
	}
	for _, frame := range []string{`40{"sid":"x"}`, `42[1,2]`, `2`, `430["a"]`} {
		if p, err := Decode([]byte(frame)); err != nil {
			t.Error(err)
		} else if e, ok := p.Event(); ok {
			t.Errorf("%s is no event, but %v", frame, e)
		}
	}
}

func TestEncodeEvent(t *testing.T) {
	frame, err := EncodeEvent("auth", "tok")
	if err != nil || string(frame) != `42["auth","tok"]` {
		t.Errorf("%s, %v", frame, err)
	}
	if _, err := EncodeEvent("auth", func() {}); err == nil {
		t.Error("a function has no JSON")
	}
}

// user_updated carries the legacy token, and a line of a log is soon written.
func TestEventPrintsItsNameOnly(t *testing.T) {
	e := Event{Name: "user_updated", Args: []byte(`[{"token":"hush"}]`)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{e, &e, []Event{e}, struct{ E Event }{e}} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "hush") || strings.Contains(s, "68757368") {
				t.Errorf("%s prints %s", verb, s)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
		"2", "3probe", "40", `40{"sid":"y"}`, "41/foo",
		`42["auth_failed",{"message":"Invalid token"}]`, `42/foo,17["a","b"]`, `430[]`,
		`44/foo,{"message":"x"}`, `451-["a",{"_placeholder":true,"num":0}]`, `462-/x,3[]`, "6", `42[1]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, err := parseHandshake(frame)
		if err == nil && (min(h.interval, h.timeout) <= 0 || max(h.interval, h.timeout) > maxHeartbeat) {
			t.Fatalf("heartbeat out of bounds: %+v", h)
		}
		p, err := Decode(frame)
		if err != nil {
			if !errors.Is(err, ErrPacket) {
				t.Fatalf("%v", err)
			}
			return
		}
		again, err := Decode(p.Append(nil))
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%q became %q: %+v, %v", frame, p.Append(nil), again, err)
		}
		if e, ok := p.Event(); ok {
			var list []any
			if json.Unmarshal(e.Args, &list) != nil {
				t.Fatalf("%q: arguments %s", frame, e.Args)
			}
		}
	})
}
