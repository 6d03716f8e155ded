package proxy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"shelfkeeper/daemon/proxy/refusal"
)

var allRefusals = []*refusal.Refusal{
	refusal.FarAway, refusal.BadTarget, refusal.BadMethod, refusal.BadPath, refusal.BadStart, refusal.WrongHost,
	refusal.OtherOrigin, refusal.ToNumeric,
	refusal.NoUpgrade, refusal.NoSocketPath, refusal.NoSocket, refusal.NoSignIn,
	refusal.BadGrant, refusal.NeedsGrant, refusal.GrantOnly, refusal.NoKey, refusal.BeyondScope, refusal.NotThere, refusal.TooMany,
	refusal.BadRefresh,
	refusal.SlowBody, refusal.BadBody, refusal.UnknownFate, refusal.TooLarge, refusal.NotKept,
	refusal.NoOpenID, refusal.NoPassword, refusal.NotChanged, refusal.OwnSession, refusal.OpenedAlready, refusal.ExtraGrant,
	refusal.Paused, refusal.Temporary, refusal.NoToken, refusal.TokenRejected, refusal.AskAgain, refusal.Gateway401,
	refusal.Elsewhere, refusal.Gateway, refusal.GatewayTooLarge, refusal.Unreadable, refusal.JournalFull, refusal.JournalDisk,
}

// Every refusal there is has a cause and a remedy, in one line each, and the
// header and the body say them.
func TestEveryRefusalNamesCauseAndRemedy(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "refusal/table.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if u, ok := n.(*ast.UnaryExpr); ok && u.Op == token.AND {
			if l, ok := u.X.(*ast.CompositeLit); ok {
				if id, ok := l.Type.(*ast.Ident); ok && id.Name == "Refusal" {
					declared++
				}
			}
		}
		return true
	})
	if declared != len(allRefusals) {
		t.Errorf("refusal/table.go declares %d refusals, %d are looked at here", declared, len(allRefusals))
	}
	s := &Server{stats: newCounters(), log: slog.New(slog.DiscardHandler)}
	names := make(map[string]bool)
	for _, no := range allRefusals {
		if names[no.Name] {
			t.Errorf("two refusals are called %s", no.Name)
		}
		names[no.Name] = true
		if len(no.Cause) < 20 || len(no.Remedy) < 15 || strings.ContainsAny(no.Text(), "\r\n") {
			t.Errorf("%s: %q; %q", no.Name, no.Cause, no.Remedy)
		}
		if (no.Status == 503) != (no.Retry > 0) {
			t.Errorf("%s: status %d with Retry-After %v", no.Name, no.Status, no.Retry)
		}
		rec := httptest.NewRecorder()
		s.refuse(rec, &call{r: httptest.NewRequest("GET", "/", nil)}, no)
		body, err := io.ReadAll(rec.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		no = forAsker(&call{r: httptest.NewRequest("GET", "/", nil)}, no)
		if rec.Code != no.Status || rec.Header().Get("Shelfkeeper-Reason") != no.Cause+"; "+no.Remedy {
			t.Errorf("%s: %d %v", no.Name, rec.Code, rec.Header())
		}
		want := "shelfkeeper: " + no.Cause + "; " + no.Remedy + "\n"
		if no == refusal.BadGrant {
			want = "Unauthorized" // 12 bytes, as players know it
		}
		if string(body) != want {
			t.Errorf("%s: body %q", no.Name, body)
		}
		if no.Status == 401 && rec.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s asks browsers for a password", no.Name)
		}
	}
}

func TestDetailsStayInOneLine(t *testing.T) {
	no := refusal.Temporary.Because("a\r\nSet-Cookie: x\x00" + strings.Repeat("y", 1000))
	if strings.ContainsAny(no.Text(), "\r\n\x00") || len(no.Text()) > 500 || no.Name != refusal.Temporary.Name {
		t.Errorf("%q", no.Text())
	}
	if strings.Contains(refusal.Temporary.Cause, "(") {
		t.Error("the shared refusal was changed")
	}
}
