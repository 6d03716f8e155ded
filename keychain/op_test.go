package keychain

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"
)

func TestAnswersBecomeConditions(t *testing.T) {
	for _, c := range []struct {
		code  opCode
		asked bool
		want  error
	}{
		{opDone, false, nil},
		{opNotFound, false, ErrNotFound},
		{opLocked, false, ErrLocked},
		{opLocked, true, ErrDenied},
		{opAbsent, false, ErrAbsent},
		{opBroken, false, ErrAbsent},
		{opNoCollection, false, ErrAbsent},
		{opNoCollection, true, ErrNoCollection},
		{opHanging, true, ErrHanging},
		{opTooLarge, false, ErrTooLarge},
		{opDenied, false, ErrDenied},
		{"of a later version", false, ErrDenied},
	} {
		if err := (opAnswer{Code: c.code, Evidence: "e"}).err(c.asked); !errors.Is(err, c.want) {
			t.Errorf("%s, asked %v: %v", c.code, c.asked, err)
		}
	}
	for err, want := range map[error]opCode{
		keyring.ErrNotFound:      opNotFound,
		keyring.ErrSetDataTooBig: opTooLarge,
		ErrLocked:                opLocked,
		ErrAbsent:                opAbsent,
		ErrDenied:                opDenied,
		ErrHanging:               opHanging,
	} {
		if got, _ := classify(t.Context(), err); got != want {
			t.Errorf("%v is %s", err, got)
		}
	}
}

func TestRunOpRefuses(t *testing.T) {
	for _, line := range []string{"\n", "{}\n", `{"v":1,"op":"get","item":"x"}` + "\n", `{"v":2,"op":"get"}` + "\n",
		strings.Repeat("x", maxRequest+10)} {
		var out bytes.Buffer
		if code := RunOp(strings.NewReader(line), &out); code != opExitUsage || out.Len() > 0 {
			t.Errorf("%.20q gives %d and %q", line, code, out.String())
		}
	}
}
