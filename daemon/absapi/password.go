package absapi

import (
	"context"
	"encoding/json"
	"net/http"

	"shelfkeeper/daemon/redact"
)

// passwordRefusals are the texts of a 400 to a change of the password (abs:
// server/controllers/MeController.js, measured on 2.36.0).
var passwordRefusals = map[string]string{
	"Invalid password": "Audiobookshelf says that the present password is not right",
	"Missing or invalid password or new password":                 "Audiobookshelf did not understand the passwords",
	"Invalid new password - Only root can have an empty password": "Audiobookshelf takes an empty password from the root user only",
}

// ChangePassword asks for another password of the user behind access.
//
// From 2.36.0 on the server then ends the user's sessions but that of refresh,
// whose new pair is in the Answer; its old refresh token is dead at once,
// without grace. Earlier releases leave every session alone, and the Answer's
// pair is empty. A BadRequest or TokenRejected means that nothing has changed;
// after any other error that is not Unwritten, nobody knows.
func (c *Client) ChangePassword(ctx context.Context, access, refresh, old, changed redact.Secret) (Answer, error) {
	body, failure := jsonOf(opPassword, struct {
		Old string `json:"password"`
		New string `json:"newPassword"`
	}{old.Reveal(), changed.Reveal()}, old.Reveal(), changed.Reveal())
	if failure != nil {
		return Answer{}, failure
	}
	header := refreshHeader(refresh)
	header.Set("Authorization", "Bearer "+access.Reveal())
	header.Set("Content-Type", "application/json")
	a, err := c.ask(ctx, call{op: opPassword, method: http.MethodPatch, path: "api/me/password", header: header, body: body})
	if err != nil {
		return Answer{}, err
	}
	answer, _, _ := decodeRenewed(a.body)
	answer.Meta = a.meta()
	return answer, nil
}

// decodeRenewed reads the answer to a changed password: a pair of the session
// that goes on, or the bare OK of earlier releases.
func decodeRenewed(body []byte) (Answer, Verdict, string) {
	if string(body) == "OK" {
		return Answer{}, Accepted, ""
	}
	var s struct {
		Success bool `json:"success"`
		User    struct {
			AccessToken  string `json:"accessToken"`
			RefreshToken string `json:"refreshToken"`
		} `json:"user"`
	}
	if json.Unmarshal(body, &s) != nil || !s.Success {
		return Answer{}, Temporary, "answered 200 with something that is not Audiobookshelf's"
	}
	access, errAccess := ParseToken(redact.New(s.User.AccessToken))
	refresh, errRefresh := ParseToken(redact.New(s.User.RefreshToken))
	if errAccess != nil || errRefresh != nil || access.Type != "access" || refresh.Type != "refresh" || access.UserID != refresh.UserID {
		return Answer{}, Temporary, "answered 200 with tokens that do not decode"
	}
	return Answer{Pair: TokenPair{Access: access, Refresh: refresh}, UserID: access.UserID, Username: access.Username}, Accepted, ""
}
