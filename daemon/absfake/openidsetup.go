package absfake

// OpenID is what an admin fills in to let users sign in through a provider.
type OpenID struct {
	Issuer                 string // its paths are those of package oidcprovider
	ClientID, ClientSecret string
	AutoRegister           bool     // strangers become users
	MatchBy                string   // "username": existing users are linked; "": they are not
	Redirects              []string // for apps; nil: the default, audiobookshelf://oauth alone
	Only                   bool     // password sign-in is switched off
	NoSubfolder            bool     // the setting of the sub-folder was never saved
}

// SetOpenID switches sign-in through OpenID on, as the settings page does.
// Config.Outbound must reach the provider.
func (s *Server) SetOpenID(o OpenID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	methods := []string{"local", "openid"}
	if o.Only {
		methods = methods[1:]
	}
	for key, v := range map[string]any{
		"authActiveAuthMethods": methods, "authOpenIDIssuerURL": o.Issuer, "authOpenIDAuthorizationURL": o.Issuer + "/authorize",
		"authOpenIDTokenURL": o.Issuer + "/token", "authOpenIDUserInfoURL": o.Issuer + "/userinfo", "authOpenIDJwksURL": o.Issuer + "/jwks",
		"authOpenIDLogoutURL": o.Issuer + "/logout", "authOpenIDClientID": o.ClientID, "authOpenIDClientSecret": o.ClientSecret,
		"authOpenIDAutoRegister": o.AutoRegister,
	} {
		s.auth.set(key, v)
	}
	if o.MatchBy != "" {
		s.auth.set("authOpenIDMatchExistingBy", o.MatchBy)
	}
	if o.Redirects != nil {
		s.auth.set("authOpenIDMobileRedirectURIs", o.Redirects)
	}
	if s.auth.subfolder = any(""); o.NoSubfolder {
		s.auth.subfolder = nil
	}
}
