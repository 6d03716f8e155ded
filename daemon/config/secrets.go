package config

// HasSecrets reports whether the file holds headers of a gateway, or a proxy that may
// have a password.
func (c Config) HasSecrets() bool {
	if c.upstream.holdsSecrets() {
		return true
	}
	for _, a := range c.accounts {
		if a.upstream.holdsSecrets() {
			return true
		}
	}
	return false
}

func (l layer) holdsSecrets() bool {
	return len(l.Headers) > 0 || l.Proxy != nil && !l.Proxy.IsEmpty() && l.Proxy.Reveal() != "direct"
}
