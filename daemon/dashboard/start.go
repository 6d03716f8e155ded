package dashboard

import (
	"net/http"
	"strings"
)

// Start is whether and how the daemon starts by itself.
type Start struct {
	On       bool
	Headless bool // without a desktop
	// MayHeadless says that this system can do that.
	MayHeadless    bool
	Reason, Remedy string // what is to be known of it; "" for nothing
}

// StartWish is how it is to start.
type StartWish struct {
	On, Headless bool
	// PassphraseFile holds the vault's passphrase for a start without a desktop; ""
	// for none.
	PassphraseFile string
}

func (s *Server) setStart(w http.ResponseWriter, r *request) {
	if s.cfg.SetStart == nil {
		s.say(w, r, notFound)
		return
	}
	wish := StartWish{PassphraseFile: strings.TrimSpace(r.PostFormValue("passphrase"))}
	said := "act.start.off"
	switch r.PostFormValue("on") {
	case "yes":
		wish, said = StartWish{On: true}, "act.start.on"
	case "headless":
		wish.On, wish.Headless, said = true, true, "act.start.headless"
	}
	if err := s.cfg.SetStart(r.Context(), wish); err != nil {
		s.settings(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)},
			mistake{key: "start", typed: []string{wish.PassphraseFile}})
		return
	}
	done(w, r, "/settings", said)
}
