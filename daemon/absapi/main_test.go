package absapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type object = map[string]any

// mint makes a JWT by hand, so that the decoder is not tested against itself.
func mint(payload any) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
	body, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	signed := head + "." + base64.RawURLEncoding.EncodeToString(body)
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

const issued = 1795226509

func mintPair(user string) (access, refresh string) {
	access = mint(object{"userId": user, "username": "alice", "jti": "a", "type": "access", "iat": issued, "exp": issued + 3600})
	refresh = mint(object{"userId": user, "username": "alice", "jti": "r", "type": "refresh", "iat": issued, "exp": issued + 2592000})
	return access, refresh
}

func sessionBody(user, access, refresh any) string {
	b, err := json.Marshal(object{
		"user": object{"id": user, "username": "alice", "token": mint(object{"userId": user, "username": "alice", "iat": issued}),
			"accessToken": access, "refreshToken": refresh},
		"serverSettings": object{"version": "2.36.0"},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func at(unix int64) time.Time { return time.Unix(unix, 0) }
