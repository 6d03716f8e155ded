package home

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// LogStart says in one line what a bug report needs first. control is where the daemon's
// control socket lies.
func (h *Home) LogStart(control string) {
	names := []string{"none"}
	if all := h.Book.All(); len(all) > 0 {
		names = nil
		for _, a := range all {
			names = append(names, a.Name)
		}
	}
	h.Log.Info(fmt.Sprintf("Shelfkeeper %s runs as process %d", h.Version, os.Getpid()), "accounts", strings.Join(names, " "),
		"configuration", h.Paths.Config, "state", h.Paths.State, "control", control)
}

// LogSignIn logs a sign-in that a person asked for.
func (h *Home) LogSignIn(account, server string, err error) {
	log := h.Log
	if account == "" {
		account = server
	}
	switch {
	case err == nil:
		log.Info("signed in", "account", account)
	case errors.Is(err, context.Canceled):
		log.Info("the sign-in was called off", "account", account)
	default:
		log.Warn("the sign-in failed", "account", account, "reason", strings.TrimPrefix(err.Error(), server+": "))
	}
}
