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
)

var allRefusals = []*refusal{
	farAway, badTarget, badMethod, badPath, wrongHost, otherOrigin, toNumeric,
	noUpgrade, noSocketPath, noSocket, noSignIn,
	badGrant, needsGrant, grantOnly, noKey, beyondScope, tooMany, badRefresh, slowBody, tooLarge, notKept,
	noOpenID, noPassword, notChanged, ownSession, openedAlready, extraGrant,
	weather, noToken, tokenRejected, askAgain, gateway401, elsewhere, unreadable,
}

// Every refusal there is has a cause and a remedy, in one line each, and the
// header and the body say them.
func TestEveryRefusalNamesCauseAndRemedy(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "refusal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if u, ok := n.(*ast.UnaryExpr); ok && u.Op == token.AND {
			if l, ok := u.X.(*ast.CompositeLit); ok {
				if id, ok := l.Type.(*ast.Ident); ok && id.Name == "refusal" {
					declared++
				}
			}
		}
		return true
	})
	if declared != len(allRefusals) {
		t.Errorf("refusal.go declares %d refusals, %d are looked at here", declared, len(allRefusals))
	}
	s := &Server{stats: newCounters(), log: slog.New(slog.DiscardHandler)}
	names := make(map[string]bool)
	for _, no := range allRefusals {
		if names[no.name] {
			t.Errorf("two refusals are called %s", no.name)
		}
		names[no.name] = true
		if len(no.cause) < 20 || len(no.remedy) < 15 || strings.ContainsAny(no.text(), "\r\n") {
			t.Errorf("%s: %q; %q", no.name, no.cause, no.remedy)
		}
		if (no.status == 503) != (no.retry > 0) {
			t.Errorf("%s: status %d with Retry-After %v", no.name, no.status, no.retry)
		}
		rec := httptest.NewRecorder()
		s.refuse(rec, &call{r: httptest.NewRequest("GET", "/", nil)}, no)
		body, err := io.ReadAll(rec.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Code != no.status || rec.Header().Get("Shelfkeeper-Reason") != no.cause+"; "+no.remedy {
			t.Errorf("%s: %d %v", no.name, rec.Code, rec.Header())
		}
		want := "shelfkeeper: " + no.cause + "; " + no.remedy + "\n"
		if no == badGrant {
			want = "Unauthorized" // 12 bytes, as players know it
		}
		if string(body) != want {
			t.Errorf("%s: body %q", no.name, body)
		}
		if no.status == 401 && rec.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s asks browsers for a password", no.name)
		}
	}
}

func TestDetailsStayInOneLine(t *testing.T) {
	no := weather.because("a\r\nSet-Cookie: x\x00" + strings.Repeat("y", 1000))
	if strings.ContainsAny(no.text(), "\r\n\x00") || len(no.text()) > 500 || no.name != weather.name {
		t.Errorf("%q", no.text())
	}
	if strings.Contains(weather.cause, "(") {
		t.Error("the shared refusal was changed")
	}
}
