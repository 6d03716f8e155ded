package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
)

// doer lets absapi ask as this examination asks.
type doer struct{ r *run }

func (d doer) Do(req *http.Request) (*http.Response, error) { return d.r.Up.Transport().RoundTrip(req) }

func (r *run) client() *absapi.Client { return absapi.New(doer{r}, r.base) }

// usualFolder is the sub-folder that the server answers under by itself
// (ROUTER_BASE_PATH).
const usualFolder = "/audiobookshelf"

// basePath asks whether the address has the right sub-folder. Where Audiobookshelf
// does not answer it is looked for elsewhere on the same host.
func (r *run) basePath(ctx context.Context) Finding {
	a, err := r.get(ctx, "status", nil)
	if err != nil {
		return unknown("not seen, since no answer came")
	}
	if isStatus(a.Body) {
		return ok("Audiobookshelf answers in the folder of the address")
	}
	if a.Status/100 == 5 {
		return unknown("not seen, since the server does not run")
	}
	seen := map[string]bool{r.base.Path: true}
	for _, folder := range []string{r.base.Path + usualFolder, usualFolder, "", parent(r.base.Path)} {
		if seen[folder] {
			continue
		}
		seen[folder] = true
		other := r.base.JoinPath()
		other.Path, other.RawPath = folder, ""
		if found := r.isAudiobookshelf(ctx, other); found {
			return fault("sign in with that address: `shelfkeeper login "+other.String()+"`",
				"Audiobookshelf answers at %s, and not at %s", other, r.base)
		}
	}
	return unknown("Audiobookshelf answers in no folder of this host that was tried")
}

func parent(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }

func isStatus(body []byte) bool {
	var status struct {
		App string `json:"app"`
	}
	return json.Unmarshal(body, &status) == nil && status.App == "audiobookshelf"
}

// isAudiobookshelf asks another folder of the server's own origin.
func (r *run) isAudiobookshelf(ctx context.Context, base *url.URL) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base.JoinPath("status").String(), nil)
	if err != nil {
		return false
	}
	resp, err := r.Up.Transport().RoundTrip(req)
	if err != nil {
		return false
	}
	a, err := readAnswer("status", resp, time.Now())
	return err == nil && isStatus(a.Body)
}

// pageAsset is how the web client's page names its own programs.
var pageAsset = regexp.MustCompile(`(?:src|href)="(/[^"]*?)?/_nuxt/`)

// webPage compares the folder of the address with the one that the web page names.
func (r *run) webPage(ctx context.Context) Finding {
	said := ok("its web page names the folder of the address")
	a, err := r.get(ctx, "login/", http.Header{"Accept": {"text/html"}})
	if err != nil || a.Status != http.StatusOK {
		return unknown("the server shows no page")
	}
	m := pageAsset.FindSubmatch(a.Body)
	if m == nil {
		return unknown("the server's page does not tell in which folder it lies")
	}
	folder := string(m[1])
	switch {
	case folder == r.base.Path, r.base.Path == "" && folder == usualFolder && r.loads(ctx, folder):
		return said
	case r.loads(ctx, folder):
		return note(folderRemedy, "players reach Audiobookshelf in %s, and its web page names the folder %q, which answers too",
			shownFolder(r.base.Path), folder)
	}
	return fault(folderRemedy, "the gateway serves Audiobookshelf in %s, and its web page names %s, where nothing answers: "+
		"players work, and browsers show an empty page",
		shownFolder(r.base.Path), shownFolder(folder))
}

// The web client is built for one folder (Audiobookshelf, client/nuxt.config.js).
const folderRemedy = "serve it in " + usualFolder + ", the folder that its web client knows, and let " +
	"the gateway pass the folder on unchanged; " +
	"or give it a host name of its own"

func shownFolder(path string) string {
	if path == "" {
		return "no folder"
	}
	return path
}

// loads reports whether Audiobookshelf answers in another folder.
func (r *run) loads(ctx context.Context, folder string) bool {
	other := r.base.JoinPath()
	other.Path, other.RawPath = folder, ""
	return r.isAudiobookshelf(ctx, other)
}

// identity asks who answers.
func (r *run) identity(ctx context.Context) Finding {
	status, err := r.client().Status(ctx)
	if err != nil {
		return r.refused(err)
	}
	r.status = status
	if !status.Initialised {
		return fault("open the server's page and make its first user", "Audiobookshelf %s answers, and was never set up", status.Version)
	}
	return ok("Audiobookshelf %s answers at %s", status.Version, r.base)
}

// weakness is a fault of releases that is known.
type weakness struct {
	since  string // the first release with it, "" for every earlier one
	before string // the first release without it
	text   string
}

// Sources: the server's release notes and its sources at these tags; the
// project's reference of measured behaviour.
var weaknesses = []weakness{
	{"", "2.26.0", "tokens never end, and a stolen one is good for ever"},
	{"", "2.28.0", "a request that anybody may send can end the server (the track route)"},
	{"", "2.28.0", "a sign-in through OpenID in the browser may lead its token to another site"},
	{"", "2.29.0", "playlists show the user's token that never ends to everybody who has their address"},
	{"2.26.0", "2.31.0", "a session ends after 7 days without a renewal, not after 30"},
	{"", "2.33.2", "it lacks the security fixes of 2.33.2"},
	{"2.26.0", "2.35.0", "an answer that is lost during a renewal ends the session (no grace)"},
	{"2.26.0", "2.35.1", "two tokens that one user gets in the same second are the same"},
	{"2.26.0", "2.36.0", "a refresh token is taken as an access token"},
	{"2.26.0", "2.36.0", "a new password ends no session"},
}

func (r *run) release(context.Context) Finding {
	var known []string
	for _, w := range weaknesses {
		if !absapi.SameOrLater(r.status.Version, w.before) && absapi.SameOrLater(r.status.Version, w.since) {
			known = append(known, w.text)
		}
	}
	if len(known) == 0 {
		return ok("no fault of release %s that matters here is known", r.status.Version)
	}
	return note("update the server to "+weaknesses[len(weaknesses)-1].before+" or newer; make a backup first",
		"release %s: %s", r.status.Version, strings.Join(known, "; "))
}

// skewAllowed is how far the clocks may differ: an access token lives an hour.
const skewAllowed = time.Minute

func (r *run) clock(ctx context.Context) Finding {
	a, err := r.get(ctx, "ping", nil)
	if err != nil {
		return r.obstacle(err)
	}
	theirs, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return unknown("the answer has no date")
	}
	skew := theirs.Sub(a.At).Round(time.Second)
	if skew.Abs() <= 2*time.Second {
		return ok("the clocks agree")
	}
	if skew.Abs() <= skewAllowed {
		return ok("the clocks differ by %s", skew.Abs())
	}
	which := "ahead of"
	if skew < 0 {
		which = "behind"
	}
	return note("set both clocks by NTP; sessions go on, but times of listening are wrong",
		"the server's clock is %s %s this machine's", skew.Abs(), which)
}
