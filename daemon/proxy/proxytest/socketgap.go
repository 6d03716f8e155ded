package proxytest

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
)

// APIKey is a key of the user's.
func (w *SocketWorld) APIKey() string {
	w.T.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/api/api-keys", strings.NewReader(`{"name":"k","isActive":true,"userId":"`+w.Session.UserID+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.Session.Now.Reveal())
	w.Fake.Handler().ServeHTTP(rec, r)
	var made struct{ APIKey struct{ APIKey string } }
	if err := json.Unmarshal(rec.Body.Bytes(), &made); err != nil || made.APIKey.APIKey == "" {
		w.T.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return made.APIKey.APIKey
}
