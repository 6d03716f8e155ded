package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"shelfkeeper/daemon/health"
)

// slowSync is what a write costs at least on a disk that is worth a word. A
// renewal makes about four of them.
const slowSync = 500 * time.Millisecond

// disk times one durable write where this program keeps its state.
func (r *run) disk(context.Context) Finding {
	if r.State == "" {
		return unknown("there is no account yet, so nothing was written")
	}
	f, err := os.CreateTemp(r.State, ".doctor-")
	if err != nil {
		return fault("free some space, and see that the folder belongs to you", "%s cannot be written: %v", r.State, err)
	}
	defer os.Remove(f.Name())
	begun := time.Now()
	_, err = f.WriteString(strings.Repeat("x", 4096))
	if err == nil {
		err = f.Sync()
	}
	took := time.Since(begun)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fault("free some space", "%s cannot be written: %v", filepath.Dir(f.Name()), err)
	}
	if took > slowSync {
		return note("a renewal waits for several such writes; move the state to another disk with XDG_STATE_HOME if it hurts",
			"a durable write takes %s", took.Round(time.Millisecond))
	}
	return ok("a durable write takes %s", took.Round(100*time.Microsecond))
}

// proxies says which proxy is used, and where it is named.
func (r *run) proxies(context.Context) Finding {
	address, from := r.Up.ProxyInUse()
	if address == "" || address == "direct" {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
			if os.Getenv(name) != "" {
				return ok("no proxy is used; %s is set, and does not concern this server", name)
			}
		}
		return ok("no proxy is used")
	}
	return note(r.named("if that is not wanted, run `shelfkeeper account set NAME --proxy direct`"),
		"requests go through %s (%s)", address, from)
}

// named returns a remedy as it can be run: with the account's name, or as part of the
// sign-in where there is no account yet.
func (r *run) named(remedy string) string {
	if r.Account == "" {
		return health.ForSignIn(r.base.String(), remedy)
	}
	return strings.ReplaceAll(remedy, "NAME", r.Account)
}
