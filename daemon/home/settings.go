package home

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/problem"
)

// Setting returns what holds for a key of the configuration, as it is typed, and
// whether config.toml itself says so: then nothing else can change it.
func (h *Home) Setting(key ...string) (values []string, given bool) {
	return h.Config.Value(key...), h.Config.Given(key...)
}

// PageKey seals the sessions of browsers at the status page. It lives as long as
// the Home, so that a page survives a restart of the daemon for its settings.
func (h *Home) PageKey() [32]byte { return h.pageKey }

// SetSetting keeps a value for a key that config.toml says nothing of. It holds
// from the next configuration on; see Reconfigure. Its error is a
// *problem.Problem.
func (h *Home) SetSetting(_ context.Context, key, values []string) error {
	h.settings.Lock()
	defer h.settings.Unlock()
	if h.Config.Given(key...) {
		return problem.Newf(problem.Usage, "change it in "+h.Paths.Config, "%w: %s", config.ErrGiven, strings.Join(key, "."))
	}
	if err := h.checkSetting(key, values); err != nil {
		return err
	}
	own, err := config.OpenSettings(h.Paths.State)
	if err != nil {
		return StateProblem(err)
	}
	err = own.Set(h.Config, key, values)
	var wrong *config.Error
	switch {
	case errors.As(err, &wrong):
		return problem.Newf(problem.Usage, "", "%s %s", wrong.Key, wrong.Msg)
	case err != nil:
		return StateProblem(err)
	}
	return nil
}

// checkSetting refuses what the file alone cannot know to be wrong.
func (h *Home) checkSetting(key, values []string) error {
	if len(key) > 1 && key[0] == "accounts" {
		if _, ok := h.Book.Get(key[1]); !ok {
			return NoSuchAccount(h.Book, key[1])
		}
	}
	if key[0] != "page_port" {
		return nil
	}
	for _, a := range h.Book.All() {
		if a = h.WithPort(a); slices.Equal(values, []string{fmt.Sprint(a.Port)}) {
			return problem.Newf(problem.PortTaken, "choose another port", "%d is where players reach %s", a.Port, a.Name)
		}
	}
	return nil
}

// Reconfigure has a new configuration hold from now on. No daemon may run.
func (h *Home) Reconfigure(o Options) { h.Config, h.Log = o.Config.Called(aliases(h.Book)), o.Log }

// forgetSettings drops what was set for an account that is gone.
func (h *Home) forgetSettings(account string) {
	h.settings.Lock()
	defer h.settings.Unlock()
	own, err := config.OpenSettings(h.Paths.State)
	if err == nil {
		err = own.Forget(h.Config, account)
	}
	if err != nil {
		h.Log.Warn("settings of an account that is gone", "account", account, "reason", err)
	}
}
