package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// The server takes the new password, the answer is lost, and the server is
// upgraded to a release that ends sessions with a password: that this one is
// alive proves nothing, since the old release ended none.
func TestChangeAcrossAnUpgrade(t *testing.T) {
	rec := recordAt(noon.Add(-55 * time.Minute))
	rec.NewPassword = keychain.StoredPassword(redact.New("new"))
	rec.Intent = &keychain.Intent{Since: noon, Attempt: 1, Purpose: keychain.ChangePassword}
	s, _ := drive(State{Rules: RulesOf("2.35.0")}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3},
		Acquired{Record: rec}, Reachable{}, Committed{Record: rec})
	if s.Step != Refreshing {
		t.Fatal(s.Describe())
	}
	_, effects := drive(s, noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(recordAt(noon)), ServerVersion: "2.36.0"}})
	if commit, ok := effects[0].(Commit); !ok || commit.Record.NewPassword != rec.NewPassword || commit.Record.Intent == nil {
		t.Errorf("the password that may be the right one is dropped: %#v", effects)
	}
}

// The pair is lost in a change of the password whose outcome is open, and the server
// refuses the new password: none was changed, so the spare is presented before anything
// else, also where no password is stored.
func TestSpareAfterARefusedNewPassword(t *testing.T) {
	rec := recordAt(noon.Add(-55 * time.Minute))
	rec.NewPassword, rec.Password = keychain.StoredPassword(redact.New("new")), keychain.Password{}
	rec.AddSpare(jwtOf("refresh", "2", noon, 720*time.Hour))
	rec.Intent = &keychain.Intent{Since: noon, Attempt: 1, Purpose: keychain.ChangePassword}
	s, _ := drive(State{Rules: RulesOf("2.35.0")}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3})
	s, effects := drive(s, s.WakeAt(), Due{}, Acquired{Record: rec}, Reachable{}, Committed{Record: rec}, failed(absapi.RefreshExpired, 401))
	if _, ok := effects[0].(Login); !ok {
		t.Fatalf("%v: %#v", s.Describe(), effects)
	}
	s, effects = drive(s, noon.Add(10*time.Minute), LoginFailed{Err: &absapi.Error{Verdict: absapi.PasswordRejected, Status: 401}})
	c, ok := effects[0].(Commit)
	if !ok || c.Record.NewPassword.IsStored() {
		t.Fatalf("%v: %#v", s.Describe(), effects)
	}
	s, effects = drive(s, noon.Add(10*time.Minute), Committed(c))
	if c, ok = effects[0].(Commit); !ok || c.Record.Intent == nil || c.Record.Intent.Purpose != keychain.PromoteSpare {
		t.Errorf("%v: %#v", s.Describe(), effects)
	}
}
