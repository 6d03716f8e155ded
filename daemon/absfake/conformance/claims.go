package conformance

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// identifying claims differ from server to server.
var identifying = []string{"userId", "keyId", "jti", "iat", "exp"}

// claims compares what the tokens of the answer say: header and claims, and how
// long they live.
func (w *World) claims(k *comparison, c *Case) {
	for _, h := range holders.FindAllString(c.heard(), -1) {
		want, known := w.rec.Tokens[h]
		own := w.own[h]
		if !known || own == "" {
			continue
		}
		parts := strings.Split(own, ".")
		if len(parts) != 3 {
			k.differ("%s is no JWT", h)
			continue
		}
		header, claims := jwtPart(parts[0]), jwtPart(parts[1])
		if !maps.Equal(header, want.Header) {
			k.differ("the header of %s is %v, recorded %v", h, header, want.Header)
		}
		if have, expect := slices.Sorted(maps.Keys(claims)), slices.Sorted(maps.Keys(want.Claims)); !slices.Equal(have, expect) {
			k.differ("%s has the claims %v, recorded %v", h, have, expect)
			continue
		}
		for name, v := range want.Claims {
			if !slices.Contains(identifying, name) && claims[name] != v {
				k.differ("the claim %s of %s is %v, recorded %v", name, h, claims[name], v)
			}
		}
		from, _ := claims["iat"].(float64)
		until, ends := claims["exp"].(float64)
		if ends && int64(until-from) != want.Lifetime {
			k.differ("%s lives %d s, recorded %d", h, int64(until-from), want.Lifetime)
		}
	}
}

func jwtPart(text string) map[string]any {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	var m map[string]any
	_ = json.Unmarshal(raw, &m) // what cannot be read is unlike anything recorded
	return m
}
