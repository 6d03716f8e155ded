package absfake

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOwnPasswordChange(t *testing.T) {
	users := []User{{Name: "demo", Password: "demo", Type: "root"}, {Name: "bob", Password: "one"}}
	eachRelease(t, Config{Users: users}, func(t *testing.T, w *world, f facts) {
		own := w.loginAs("bob", "one")
		time.Sleep(2 * time.Second)
		other := w.loginAs("bob", "one")
		time.Sleep(2 * time.Second)
		change := func(old, next string, headers ...string) reply {
			return w.do("PATCH", "/api/me/password", m{"password": old, "newPassword": next},
				append([]string{"Authorization", "Bearer " + own.access}, headers...)...)
		}
		if r := change("wrong", "x"); r.status != 400 || r.body != "Invalid password" || r.header.Get("Content-Type") != typeHTML {
			t.Errorf("%d %q", r.status, r.body)
		}
		r := change("one", "two", "x-refresh-token", own.refresh)
		if !f.passwordEnds {
			if r.body != "OK" || r.header.Get("Set-Cookie") != "" {
				t.Errorf("%q %q", r.body, r.header.Get("Set-Cookie"))
			}
			own = w.mustRefresh(own.refresh)
			w.mustRefresh(other.refresh)
			return
		}
		next := tokensIn(t, r)
		w.refused(own.refresh, msgInvalidRefresh) // no grace
		w.refused(other.refresh, msgInvalidRefresh)
		next = w.mustRefresh(next.refresh)
		if s := w.me(other.access); s != 200 {
			t.Errorf("access token of an ended session: %d", s)
		}
		if r := change("two", "three"); r.body != "OK" {
			t.Errorf("%q", r.body)
		}
		w.refused(next.refresh, msgInvalidRefresh) // without its refresh token the own session ends too
		last := w.loginAs("bob", "three")
		must(t, w.s.SetPassword("bob", "four"))
		w.refused(last.refresh, msgInvalidRefresh)
		w.loginAs("bob", "four")
	})
}

func TestSessionsOfTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		a := w.login()
		time.Sleep(time.Second)
		b := w.login()
		auth := []string{"Authorization", "Bearer " + a.access, "x-refresh-token", a.refresh}
		r := w.do("GET", "/api/me/sessions", nil, auth...).json(t)
		list, _ := r["sessions"].([]any)
		if r["total"] != 2.0 || len(list) != 2 {
			t.Fatalf("sessions %v", r)
		}
		newest, oldest := list[0].(map[string]any), list[1].(map[string]any)
		if newest["current"] != false || oldest["current"] != true {
			t.Errorf("sessions %v", r)
		}
		id, _ := newest["id"].(string)
		for path, want := range map[string]int{"/api/me/sessions/xyz": 400, "/api/me/sessions/" + newUUID(): 404} {
			if r := w.do("DELETE", path, nil, auth...); r.status != want {
				t.Errorf("%s: %d", path, r.status)
			}
		}
		if r := w.do("DELETE", "/api/me/sessions/"+id, nil, auth...); r.body != "OK" {
			t.Errorf("%d %q", r.status, r.body)
		}
		w.refused(b.refresh, msgInvalidRefresh)
		if s := w.me(b.access); s != 200 {
			t.Errorf("access token: %d", s)
		}
		must(t, w.s.EndSessions("demo"))
		w.refused(a.refresh, msgInvalidRefresh)
	})
}

func TestBearer(t *testing.T) {
	eachRelease(t, Config{}, func(t *testing.T, w *world, f facts) {
		got := w.login()
		want := 200
		if !f.refreshAsBearer {
			want = 401
		}
		if s := w.me(got.refresh); s != want {
			t.Errorf("refresh token as bearer: %d, want %d", s, want)
		}
		r := w.do("GET", "/api/me", nil)
		if r.status != 401 || r.body != "Unauthorized" || len(r.header.Values("Content-Type")) != 0 ||
			r.header.Get("Content-Length") != "12" || r.header.Get("WWW-Authenticate") != "" {
			t.Errorf("%d %q %v", r.status, r.body, r.header)
		}
		if (r.header.Get("Referrer-Policy") == "no-referrer") != f.referrerPolicy {
			t.Errorf("Referrer-Policy %q", r.header.Get("Referrer-Policy"))
		}
		legacy, _ := w.do("GET", "/api/me", nil, "authorization", "bEaReR "+got.access).json(t)["token"].(string)
		// The flag of a legacy token stays on the user until a newer token comes.
		for _, step := range []struct {
			token string
			old   bool
		}{{got.access, false}, {legacy, true}, {got.access, false}} {
			if me := w.do("GET", "/api/me?token="+step.token, nil).json(t); (me["isOldToken"] == true) != step.old {
				t.Errorf("isOldToken %v, want %v", me["isOldToken"], step.old)
			}
		}
		must(t, w.s.SetDisabled("demo", true))
		if s := w.me(legacy); s != 401 {
			t.Errorf("legacy token of a disabled user: %d", s)
		}
	})
}

func TestPlaybackAndProgress(t *testing.T) {
	users := []User{{Name: "demo", Password: "demo", Type: "root"}, {Name: "ann", Password: "a"}, {Name: "ben", Password: "b"}}
	eachRelease(t, Config{Users: users}, func(t *testing.T, w *world, f facts) {
		root, ann, ben := w.login(), w.loginAs("ann", "a"), w.loginAs("ben", "b")
		item := w.s.Library().Tracks()
		as := func(tok tokens) []string { return []string{"Authorization", "Bearer " + tok.access} }
		play := func(device string, body m) string {
			body["deviceInfo"] = m{"deviceId": device}
			id, _ := w.do("POST", "/api/items/"+item.ID+"/play", body, as(ann)...).json(t)["id"].(string)
			return id
		}
		a, b := play("one", m{"forceDirectPlay": true}), play("two", m{"supportedMimeTypes": []string{"audio/mpeg"}})
		again := play("one", m{"forceDirectPlay": true})
		for id, want := range map[string]int{a: 404, b: 206, again: 206} {
			if r := w.do("GET", "/public/session/"+id+"/track/3", nil, "Range", "bytes=0-3"); r.status != want {
				t.Errorf("track: %d, want %d", r.status, want)
			}
		}
		sync := "/api/session/" + again + "/sync"
		if r := w.do("POST", sync, m{"currentTime": 60, "timeListened": 5}, as(ann)...); r.body != "OK" {
			t.Errorf("sync %d %q", r.status, r.body)
		}
		if r := w.do("POST", sync, m{"currentTime": 61}, as(ben)...); r.status != f.strangerSync {
			t.Errorf("a stranger's sync: %d", r.status)
		}
		if r := w.do("POST", sync, m{"currentTime": 61}, as(root)...); (r.status == 200) != f.adminMaySync {
			t.Errorf("an administrator's sync: %d", r.status)
		}
		progress := func() map[string]any {
			return w.do("GET", "/api/me/progress/"+item.ID, nil, as(ann)...).json(t)
		}
		if p := progress(); p["currentTime"] != 60.0 || p["progress"] != 0.1 || p["isFinished"] != false {
			t.Errorf("progress %v", p)
		}
		path := "/api/me/progress/" + item.ID
		w.do("PATCH", path, m{"currentTime": 120, "progress": 0.2, "isFinished": false, "lastUpdate": 12345}, as(ann)...)
		if p := progress(); p["currentTime"] != 120.0 || p["progress"] != 0.1 || p["lastUpdate"] != 12345.0 {
			t.Errorf("isFinished must make the body's progress ignored: %v", p)
		}
		w.do("PATCH", path, m{"currentTime": item.Duration() - 5}, as(ann)...)
		if p := progress(); p["isFinished"] != true || p["progress"] != 1.0 || p["finishedAt"] == nil {
			t.Errorf("near the end: %v", p)
		}
		w.do("PATCH", path, m{"isFinished": false}, as(ann)...)
		if p := progress(); p["isFinished"] != false || p["currentTime"] != 0.0 || p["progress"] != 0.0 {
			t.Errorf("begun again: %v", p)
		}
		// A session played offline counts only if it is newer.
		now := float64(time.Now().UnixMilli())
		local := func(at, updated float64) {
			body := m{"id": newUUID(), "libraryItemId": item.ID, "currentTime": at, "timeListening": 9, "updatedAt": updated}
			if r := w.do("POST", "/api/session/local", body, as(ann)...); r.body != "OK" {
				t.Errorf("local session: %d %q", r.status, r.body)
			}
		}
		local(300, now+1000)
		local(30, now-100_000)
		if p := progress(); p["currentTime"] != 300.0 || p["progress"] != 0.5 || p["lastUpdate"] != now+1000 {
			t.Errorf("after local sessions: %v", p)
		}
		if n := w.do("GET", "/api/me/listening-sessions", nil, as(ann)...).json(t)["total"]; n != 3.0 {
			t.Errorf("%v listening sessions", n)
		}
		if r := w.do("POST", "/api/session/"+again+"/close", m{}, as(ann)...); r.body != "OK" {
			t.Errorf("close %q", r.body)
		}
		if r := w.do("POST", sync, m{}, as(ann)...); r.status != 404 {
			t.Errorf("sync of a closed session: %d", r.status)
		}
	})
}

func TestTranscodeTrack(t *testing.T) {
	eachRelease(t, Config{}, func(t *testing.T, w *world, f facts) {
		item := w.s.Library().Tracks()
		p := w.do("POST", "/api/items/"+item.ID+"/play", m{}, "Authorization", "Bearer "+w.login().access).json(t)
		id, _ := p["id"].(string)
		r := w.do("GET", "/public/session/"+id+"/track/1", nil)
		if f.trackOfTranscode == 0 {
			// The process dies; a client that repeats its GET finds the next one.
			if r.err == nil && r.status != 404 {
				t.Errorf("answered %d", r.status)
			}
			return
		}
		if r.status != http.StatusFound || r.header.Get("Location") != "/hls/"+id+"/output.m3u8" {
			t.Errorf("%d to %q", r.status, r.header.Get("Location"))
		}
	})
}

func TestLibraryAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Large: 1 << 20})
		lib, auth := w.s.Library(), []string{"Authorization", "Bearer " + w.login().access}
		all := w.do("GET", "/api/libraries/"+lib.ID+"/items", nil, auth...).json(t)
		if list, _ := all["results"].([]any); len(list) != 10 || all["total"] != 10.0 {
			t.Errorf("%d items of %v", len(list), all["total"])
		}
		last := w.do("GET", "/api/libraries/"+lib.ID+"/items?limit=4&page=2", nil, auth...).json(t)
		if list, _ := last["results"].([]any); len(list) != 2 || last["offset"] != 8.0 || last["limit"] != 4.0 {
			t.Errorf("page %v", last)
		}
		item := w.do("GET", "/api/items/"+lib.Tracks().ID+"?expanded=1", nil, auth...).json(t)
		media := item["media"].(map[string]any)
		if d, _ := media["duration"].(float64); math.Abs(d-600) > 1e-9 || media["size"] != float64(lib.Tracks().Size()) {
			t.Errorf("duration %v, size %v", media["duration"], media["size"])
		}
		for _, track := range media["tracks"].([]any) {
			track := track.(map[string]any)
			r := w.do("HEAD", track["contentUrl"].(string), nil, auth...)
			size := track["metadata"].(map[string]any)["size"].(float64)
			if r.status != 200 || float64(mustInt(t, r.header.Get("Content-Length"))) != size ||
				r.header.Get("Content-Type") != "audio/wav" {
				t.Errorf("%v: %d %v", track["contentUrl"], r.status, r.header)
			}
		}
		for _, path := range []string{"/api/items/x", "/api/libraries/x", "/api/libraries/x/items", "/api/items/x/cover",
			"/api/items/" + lib.Tracks().ID + "/file/1"} {
			if r := w.do("GET", path, nil, auth...); r.status != 404 || r.body != "Not Found" {
				t.Errorf("%s: %d %q", path, r.status, r.body)
			}
		}
		if r := w.do("GET", "/api/nope?x=1", nil, auth...); r.status != 404 ||
			!strings.Contains(r.body, "<pre>Cannot GET /api/nope</pre>") {
			t.Errorf("%d %q", r.status, r.body)
		}
		if r := w.do("GET", "/api/items/"+lib.Tracks().ID+"/cover?width=64", nil); r.status != 200 || r.header.Get("ETag") != "" ||
			http.DetectContentType([]byte(r.body)) != "image/jpeg" {
			t.Errorf("cover: %d %v", r.status, r.header)
		}
	})
}

func mustInt(t *testing.T, text string) int {
	t.Helper()
	n, ok := leadingInt(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return int(n)
}
