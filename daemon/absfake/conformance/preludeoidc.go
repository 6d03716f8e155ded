package conformance

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"shelfkeeper/daemon/absfake/oidcprovider"
)

// whitelistTold is the recorder's sentence about the list a start met.
var whitelistTold = regexp.MustCompile(`^whitelist (\S+),`)

// prepareOpenID brings about what the recorder had before a start: the list of
// redirect URIs, and who would sign in at the provider.
func (w *World) prepareOpenID(ctx context.Context, c *Case) error {
	if w.provider == nil || c.Request == nil || !strings.HasPrefix(c.Request.Path, "/auth/openid?") {
		return nil
	}
	switch {
	case strings.Contains(c.Name, "/user-disabled/"):
		for _, h := range w.plan.tokens {
			if name := w.rec.Tokens[h].text("username"); w.plan.registers(h) && name != "" {
				if err := w.Server.SetDisabled(name, true); err != nil {
					return err
				}
			}
		}
	case strings.Contains(c.Name, "/user-unknown"):
		w.provider.SetUser(oidcprovider.User{Subject: "sub-unknown", Username: "stranger"})
	}
	want := defaultURI
	if m := whitelistTold.FindStringSubmatch(c.What); m != nil {
		want = m[1]
	}
	if want == w.whitelisted {
		return nil
	}
	root, _, err := w.login(ctx, "root")
	if err != nil {
		return err
	}
	a, err := w.do(ctx, "PATCH", "/api/auth-settings", map[string]any{"authOpenIDMobileRedirectURIs": []string{want}},
		"Authorization", "Bearer "+root.text("accessToken"))
	if err != nil || a.StatusCode != 200 {
		return fmt.Errorf("set the redirect URIs: status %d, %w", a.StatusCode, err)
	}
	w.whitelisted = want
	return nil
}
