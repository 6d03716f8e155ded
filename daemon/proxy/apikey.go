package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/route"
	"shelfkeeper/daemon/tokenfilter"
)

// newKeyRoutes answer with a new API key, which the server shows this once (abs:
// server/controllers/ApiKeyController.js).
var newKeyRoutes = route.Parse(`
POST /api/api-keys
`)

// maxNewKey is far above such an answer.
const maxNewKey = 64 << 10

// showNewKey lets the API key that c has made pass to its caller: nobody would ever
// know it otherwise, and it would be valid all the same. It returns the body and
// what replaces tokens in it. Every other answer, and every other token in this one,
// is filtered as always.
func showNewKey(c *call, resp *http.Response, src io.Reader, replace tokenfilter.Replace) (io.Reader, tokenfilter.Replace, error) {
	if resp.StatusCode != http.StatusOK || !c.caller.Scope.Covers(players.ScopeAdmin) || !newKeyRoutes.Matches(c.r.Method, c.path) {
		return src, replace, nil
	}
	raw, err := io.ReadAll(io.LimitReader(src, maxNewKey+1))
	if err != nil {
		return nil, nil, err
	}
	var made struct {
		Key struct {
			ID  string `json:"id"`
			Key string `json:"apiKey"`
		} `json:"apiKey"`
	}
	whole := io.MultiReader(bytes.NewReader(raw), src)
	if len(raw) > maxNewKey || json.Unmarshal(raw, &made) != nil || made.Key.ID == "" {
		return whole, replace, nil
	}
	return whole, func(claims tokenfilter.Claims) []byte {
		if claims.Type == "api" && claims.KeyID == made.Key.ID {
			return []byte(made.Key.Key)
		}
		return replace(claims)
	}, nil
}
