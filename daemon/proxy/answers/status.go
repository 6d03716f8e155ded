package answers

import (
	"net/http"

	"shelfkeeper/daemon/proxy/refusal"
)

// maxStatus is far beyond what GET /status answers: some hundred bytes, and
// the text that an admin puts above the sign-in form.
const maxStatus = 1 << 20

// status answers GET /status as the server does, but that one signs in here
// with a password, and is not sent away to an identity provider at once.
func (s *Local) status(w http.ResponseWriter, c *Request) *refusal.Refusal {
	status, raw, no := s.about(c, "/status")
	if no != nil {
		return no
	}
	o, err := parseObject(raw)
	if err != nil || status != http.StatusOK {
		return unexpected(status)
	}
	if _, ok := o.get("authMethods"); ok {
		o = o.with("authMethods", []string{"local"})
	}
	if form, ok := o.get("authFormData"); ok {
		if f, err := parseObject(form); err == nil {
			o = o.with("authFormData", f.without("authOpenIDAutoLaunch").without("authOpenIDButtonText"))
		}
	}
	answerJSON(w, http.StatusOK, o.bytes())
	return nil
}

// noOpenID answers what would begin a sign-in at an identity provider: it
// would end in a session of the server's in the browser.
func (s *Local) noOpenID(w http.ResponseWriter, c *Request) *refusal.Refusal {
	if c.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return refusal.NoOpenID
	}
	// As the server does when a callback fails, so its page shows the text.
	w.Header().Set("Location", "/login?error=Sign%20in%20with%20%60shelfkeeper%20open%60%20instead&autoLaunch=0")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusFound)
	s.cfg.Count(refusal.NoOpenID)
	return nil
}
