package absapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"shelfkeeper/daemon/redact"
)

// NewAPIKey makes an API key of the user behind access, which ends after life. Only
// admins may. The server shows the key in this answer and never again.
//
// After an error that is not Unwritten and no BadRequest or TokenRejected, the server
// may have made it.
func (c *Client) NewAPIKey(ctx context.Context, access redact.Secret, userID, name string, life time.Duration) (Token, error) {
	body, failure := jsonOf(opNewKey, struct {
		Name      string `json:"name"`
		UserID    string `json:"userId"`
		ExpiresIn int64  `json:"expiresIn"` // in seconds
		IsActive  bool   `json:"isActive"`  // it is made inactive otherwise
	}{name, userID, int64(life.Seconds()), true}, name, userID)
	if failure != nil {
		return Token{}, failure
	}
	header := http.Header{}
	header.Set("Authorization", "Bearer "+access.Reveal())
	header.Set("Content-Type", "application/json")
	a, err := c.ask(ctx, call{op: opNewKey, method: http.MethodPost, path: "api/api-keys", header: header, body: body})
	if err != nil {
		return Token{}, err
	}
	key, _ := decodeNewKey(a.body)
	return key, nil
}

// EndAPIKey removes an API key by its id. One that is not there any more is a success.
// A key may remove itself.
func (c *Client) EndAPIKey(ctx context.Context, bearer redact.Secret, id string) error {
	header := http.Header{}
	header.Set("Authorization", "Bearer "+bearer.Reveal())
	_, err := c.ask(ctx, call{op: opEndKey, method: http.MethodDelete, path: "api/api-keys/" + url.PathEscape(id), header: header})
	return err
}

// decodeNewKey reads a key that was just made (abs: server/controllers/ApiKeyController.js).
// One without an end is none that was asked for.
func decodeNewKey(body []byte) (Token, bool) {
	var s struct {
		Key struct {
			ID  string `json:"id"`
			Key string `json:"apiKey"`
		} `json:"apiKey"`
	}
	if json.Unmarshal(body, &s) != nil {
		return Token{}, false
	}
	key, err := ParseToken(redact.New(s.Key.Key))
	if err != nil || key.Type != "api" || key.ID != s.Key.ID || key.ExpiresAt.IsZero() {
		return Token{}, false
	}
	return key, true
}
