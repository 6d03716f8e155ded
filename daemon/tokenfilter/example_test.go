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

// Audiobookshelf puts a token into every user object. JSON asks replace for each token:
// alice's player gets a local token in its place, and bob's token becomes empty. See
// that the filter reads a stream, and that all other bytes of the answer stay.
func ExampleJSON() {
	answer := `{"users":[{"username":"alice","token":"` + token(`{"userId":"id-of-alice","username":"alice","iat":1}`) + `"},` +
		`{"username":"bob","token":"` + token(`{"userId":"id-of-bob","username":"bob","iat":1}`) + `"}]}` + "\n"
	replace := func(found tokenfilter.Claims) []byte {
		if found.UserID == "id-of-alice" {
			return []byte("local-token-of-alice")
		}
		return nil // leaves an empty string
	}
	_, _ = io.Copy(os.Stdout, tokenfilter.JSON(strings.NewReader(answer), replace))
	// Output: {"users":[{"username":"alice","token":"local-token-of-alice"},{"username":"bob","token":""}]}
}

// Guard is the second net: it knows the secrets themselves, and removes their bytes from
// any stream, also where they do not look like a token. It tells the caller of each find.
func ExampleGuard() {
	session := redact.New("c2VjcmV0IG9mIHRoZSBzZXJ2ZXI")
	secrets := func() []redact.Secret { return []redact.Secret{session} } // asked again as the answer goes on
	answer := strings.NewReader("next: /api/items?key=c2VjcmV0IG9mIHRoZSBzZXJ2ZXI&page=2\n")
	_, _ = io.Copy(os.Stdout, tokenfilter.Guard(answer, secrets, func() { fmt.Println("removed a secret") }))
	// Output:
	// removed a secret
	// next: /api/items?key=&page=2
}
