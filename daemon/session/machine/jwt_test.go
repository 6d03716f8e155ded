package machine

import (
	"github.com/golang-jwt/jwt/v5"
)

func makeJWT(claims map[string]any) string {
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString([]byte("test"))
	if err != nil {
		panic(err)
	}
	return signed
}
