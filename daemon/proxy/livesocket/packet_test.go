package livesocket

import (
	"strings"
	"testing"
)

// FuzzReadPacket: what passes is of the few kinds there are, whatever the bytes.
func FuzzReadPacket(f *testing.F) {
	for _, s := range []string{"2", "3", "40", `40{"token":"x"}`, "41", `42["ping"]`, `421["auth","x"]`, `42/a,["auth"]`, "40/a,{}",
		`451-["x",{}]`, "", "4"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		p := readPacket(frame)
		switch p.kind {
		case packetOther:
		case packetEngine:
			if len(frame) != 1 || frame[0] == '0' || frame[0] == '4' {
				t.Errorf("%q is passed as it is", frame)
			}
		case packetAbroad:
			if frame[1] != '0' || p.name == "/" || strings.Contains(p.name, ",") {
				t.Errorf("%q asks for %q", frame, p.name)
			}
		case packetJoin, packetLeave:
			if frame[0] != '4' || frame[1] != '0' && frame[1] != '1' {
				t.Errorf("%q", frame)
			}
		case packetPing, packetAuth:
			if !strings.HasPrefix(string(frame), "42") || p.name != "ping" && p.name != "auth" {
				t.Errorf("%q is %q", frame, p.name)
			}
			if c := credentialOf(p.arg); c != "" && strings.TrimSpace(c) == "" {
				t.Errorf("%q presents %q", frame, c)
			}
		}
	})
}
