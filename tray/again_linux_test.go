package tray

import (
	"fmt"
	"log/slog"
	"testing"
)

// A tray that takes the place of one that died is told so; one that follows on
// the end of the bus, and so of all that the desktop showed, is not.
func TestATrayIsToldThatItComesAgain(t *testing.T) {
	t.Setenv("DISPLAY", ":none")
	t.Setenv(AgainVariable, "")
	for _, c := range []struct {
		code int
		want string
	}{{1, "again 1"}, {int(CodeBusLost), "again "}} {
		out := &lines{}
		s := Supervise(SupervisorConfig{
			Argv:   []string{"/bin/sh", "-c", fmt.Sprintf("echo \"again $%s\"; exit %d", AgainVariable, c.code)},
			Stderr: out, Log: slog.New(slog.DiscardHandler),
		})
		eventually(t, "the second one starts", func() error {
			s.hurry()
			if n := out.count("again ") + out.count("again 1"); n < 2 {
				return fmt.Errorf("%d starts", n)
			}
			return nil
		})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if c.want == "again 1" && (out.count("again ") != 1 || out.count(c.want) == 0) || c.want == "again " && out.count("again 1") != 0 {
			t.Errorf("exit %d: %s", c.code, out)
		}
	}
}
