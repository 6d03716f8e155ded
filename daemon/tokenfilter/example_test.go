package tokenfilter_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
)

// token has the form of Audiobookshelf's tokens; nobody looks at the signature.
func token(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + part([]byte(claims)) + "." + part(make([]byte, 32))
}

// A user object of the server holds the user's own token. The player gets its own
// one instead, and other users' tokens are blank. All other bytes stay.
func ExampleJSON() {
	body := `{"users":[{"username":"alice","token":"` + token(`{"userId":"u1","username":"alice","iat":1}`) + `"},` +
		`{"username":"bob","token":"` + token(`{"userId":"u2","username":"bob","iat":1}`) + `"}]}` + "\n"
	filtered := tokenfilter.JSON(strings.NewReader(body), func(c tokenfilter.Claims) []byte {
		if c.UserID == "u1" {
			return []byte("sk_alice")
		}
		return nil
	})
	_, _ = io.Copy(os.Stdout, filtered)
	// Output: {"users":[{"username":"alice","token":"sk_alice"},{"username":"bob","token":""}]}
}

// Guard removes a secret by its very bytes, whatever its form.
func ExampleGuard() {
	known := func() []redact.Secret { return []redact.Secret{redact.New("c2VjcmV0IG9mIHRoZSBzZXJ2ZXI")} }
	body := strings.NewReader("key=c2VjcmV0IG9mIHRoZSBzZXJ2ZXI&page=2\n")
	_, _ = io.Copy(os.Stdout, tokenfilter.Guard(body, known, func() { fmt.Println("found one") }))
	// Output:
	// found one
	// key=&page=2
}
