package home

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/redact"
)

// A gateway that lets everything pass but /auth/refresh is found at the sign-in, which
// succeeds all the same, and is named again when a renewal fails. No token is presented
// to find out.
func TestGatewayThatBarsRenewals(t *testing.T) {
	for _, c := range []struct {
		desc  string
		fault *absfake.Fault
		says  string // "" for no warning
	}{
		{"all passes", nil, ""},
		{"403", &absfake.Fault{Kind: absfake.Answer, Status: 403, Path: "/auth/refresh"}, "/auth/refresh answered 403"},
		{"404", &absfake.Fault{Kind: absfake.Answer, Status: 404, Path: "/auth/refresh"}, "let the gateway pass /auth/refresh"},
		{"a page", &absfake.Fault{Kind: absfake.Portal, Path: "/auth/refresh"}, "the session cannot be renewed"},
		{"a moment's trouble", &absfake.Fault{Kind: absfake.Refuse, Path: "/auth/refresh"}, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			fake := newFake(t, absfake.Config{})
			h := testHome(t, fake)
			mend := func() {}
			if c.fault != nil {
				mend = fake.Inject(*c.fault)
			}
			answer, err := h.SignIn(t.Context(),
				control.SignInRequest{Server: absAddress, Username: "demo", Password: redact.New("demo"), Keep: true})
			if err != nil {
				t.Fatal(err)
			}
			told := strings.Join(answer.Warnings, "\n")
			if strings.Contains(told, "renewed") != (c.says != "") || !strings.Contains(told, c.says) || strings.Contains(told, "NAME") {
				t.Errorf("told: %q", told)
			}
			if n := len(fake.Ledger().Rotations("demo")); n != 0 {
				t.Errorf("%d tokens were spent on the question", n)
			}
			if c.says != "" {
				err := h.Reauthenticate(t.Context(), answer.Account)
				if err == nil || !strings.Contains(err.Error(), "/auth/refresh") {
					t.Errorf("a renewal: %v", err)
				}
			}
			mend()
			if err := h.Reauthenticate(t.Context(), answer.Account); err != nil {
				t.Errorf("once it was mended: %v", err)
			}
		})
	}
}
