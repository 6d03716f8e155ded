package answers_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// shape returns a JSON document with its strings of tokens and its times
// blanked, so that two answers can be compared.
func shape(t *testing.T, body string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	user, _ := doc["user"].(map[string]any)
	for _, name := range []string{"token", "accessToken", "refreshToken"} {
		if s, ok := user[name].(string); ok && strings.Count(s, ".") == 2 {
			user[name] = "a token"
		}
	}
	delete(user, "lastSeen")
	return doc
}
