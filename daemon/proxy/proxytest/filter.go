package proxytest

import (
	"fmt"
)

func UserBody(own, other string) string {
	return fmt.Sprintf(`{"user":{"token":%q,"accessToken":%q,"x":"é\/"},"others":[%q],"url":"/hls/1?token=%s&a=1"}`, own, own, other, own)
}
