package absfake

import (
	"testing"
	"time"
)

// Which request sends which events to whom, in order. A name with "!" comes
// with the id of the playback session as a bare string.
func TestEvents(t *testing.T) {
	for _, release := range []Release{R2263, Newest} {
		t.Run(string(release), func(t *testing.T) {
			bubbled(t, Config{Release: release}, func(w *world) {
				token := w.loginAs("alice", "a").access
				own := []*socket{w.openAs("alice", "a"), w.openAs("alice", "a")}
				bob, admin := w.openAs("bob", "b"), w.openAs("root", "r")
				item := w.s.Library().Tracks().ID
				do := func(method, path string, body any) reply {
					t.Helper()
					r := w.do(method, path, body, "Authorization", "Bearer "+token)
					if r.status != 200 {
						t.Fatalf("%s %s: %d %q", method, path, r.status, r.body)
					}
					return r
				}
				play := func() string {
					id, _ := do("POST", "/api/items/"+item+"/play", m{"forceDirectPlay": true,
						"deviceInfo": m{"deviceId": "d", "model": "desk", "clientVersion": "0.0.1"}}).json(t)["id"].(string)
					return id
				}
				id := ""
				for _, c := range []struct {
					desc         string
					act          func()
					owner, admin []string
				}{
					{"progress", func() { do("PATCH", "/api/me/progress/"+item, m{"currentTime": 5}) }, []string{"user_updated"}, nil},
					{"play", func() { id = play() }, nil, []string{"user_stream_update"}},
					{"sync", func() { do("POST", "/api/session/"+id+"/sync", m{"currentTime": 9, "timeListened": 1}) },
						[]string{"user_item_progress_updated"}, nil},
					{"local session", func() {
						do("POST", "/api/session/local",
							m{"id": newUUID(), "libraryItemId": item, "currentTime": 11, "updatedAt": millis(time.Now()) + 1})
					}, []string{"user_item_progress_updated"}, nil},
					{"local session older than the progress", func() {
						do("POST", "/api/session/local", m{"id": newUUID(), "libraryItemId": item, "currentTime": 12, "updatedAt": 1})
					}, nil, nil},
					{"play again on the device", func() { play() }, []string{"user_session_closed!"},
						[]string{"user_stream_update", "user_stream_update"}},
				} {
					c.act()
					for i, s := range own {
						for _, want := range c.owner {
							name, bare := want, false
							if name[len(name)-1] == '!' {
								name, bare = name[:len(name)-1], true
							}
							if arg := s.expect(name); bare && arg != id {
								t.Errorf("%s, socket %d: %v", c.desc, i, arg)
							}
						}
						s.silent()
					}
					for _, want := range c.admin {
						admin.expect(want)
					}
					admin.silent()
					bob.silent()
					for _, s := range append(own, bob, admin) {
						s.send("3") // a second has passed for each that was silent
					}
				}
			})
		})
	}
}

func TestEventBodies(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		token := w.loginAs("alice", "a").access
		s, admin := w.openAs("alice", "a"), w.openAs("root", "r")
		item := w.s.Library().Tracks().ID
		bearer := "Bearer " + token
		played := w.do("POST", "/api/items/"+item+"/play", m{"forceDirectPlay": true, "deviceInfo": m{"deviceId": "d"}}, "Authorization",
			bearer).json(t)
		id, _ := played["id"].(string)
		public, _ := admin.expect("user_stream_update").(map[string]any)
		session, _ := public["session"].(map[string]any)
		if public["username"] != "alice" || session["id"] != id || session["libraryItem"] != nil ||
			len(session["audioTracks"].([]any)) == 0 {
			t.Errorf("user_stream_update: %v", public)
		}
		w.do("POST", "/api/session/"+id+"/close", m{"currentTime": 9, "timeListened": 1}, "Authorization", bearer)
		made, _ := s.expect("user_item_progress_updated").(map[string]any)
		data, _ := made["data"].(map[string]any)
		if made["sessionId"] != id || made["deviceDescription"] != "null null / null" || made["id"] != data["id"] ||
			data["currentTime"] != 9.0 || data["libraryItemId"] != item {
			t.Errorf("user_item_progress_updated: %v", made)
		}
		if arg := s.expect("user_session_closed"); arg != id {
			t.Errorf("user_session_closed: %v", arg)
		}
		public, _ = admin.expect("user_stream_update").(map[string]any)
		if session, _ = public["session"].(map[string]any); session["id"] != id {
			t.Errorf("an ending session is not shown to administrators: %v", public)
		}
		s.silent()
		admin.silent()
		w.do("POST", "/api/session/"+id+"/close", nil, "Authorization", bearer)
		s.silent()
	})
}

func TestPresence(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		first := w.openAs("alice", "a")
		admin := w.open()
		admin.auth(w.loginAs("root", "r").access)
		online, _ := admin.expect("user_online").(map[string]any)
		if online["username"] != "root" || online["session"] != nil || online["lastSeen"] != nil {
			t.Errorf("user_online: %v", online)
		}
		list, _ := admin.expect("init").(map[string]any)["usersOnline"].([]any)
		if len(list) != 2 || list[0].(map[string]any)["username"] != "alice" || list[1].(map[string]any)["connections"] != 1.0 ||
			list[1].(map[string]any)["lastSeen"] == nil {
			t.Errorf("usersOnline: %v", list)
		}
		second := w.openAs("alice", "a")
		admin.expect("user_online")
		second.send("41")
		admin.expect("user_offline")
		_ = first.conn.Close()
		admin.expect("user_offline")
		admin.silent()
		admin.send("41") // the one who leaves hears it too
		admin.expect("user_offline")
		admin.silent()
	})
}

func TestAdminMessage(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		alice, nobody, admin := w.openAs("alice", "a"), w.open(), w.openAs("root", "r")
		alice.send(`42["message_all_users",{"message":"no"}]`)
		admin.silent()
		admin.send(`42["message_all_users",{"message":"hello"}]`)
		for _, s := range []*socket{alice, admin} {
			if arg := s.expect("admin_message"); arg != "hello" {
				t.Errorf("admin_message: %v", arg)
			}
		}
		nobody.silent()
		admin.send(`42["message_all_users"]`) // the process dies of it
		alice.closes(1006)
	})
}

// An edit is told to the administrator who made it, not to whom it concerns.
func TestEventsOfAccounts(t *testing.T) {
	bubbled(t, Config{Users: []User{{Name: "root", Password: "r", Type: "root"}, {Name: "ada", Password: "a", Type: "admin"},
		{Name: "alice", Password: "a"}}}, func(w *world) {
		token := w.loginAs("root", "r").access
		root, ada, alice := w.openAs("root", "r"), w.openAs("ada", "a"), w.openAs("alice", "a")
		root.next() // ada and alice have come
		root.next()
		ada.next()
		do := func(method, path string, body any) map[string]any {
			t.Helper()
			r := w.do(method, path, body, "Authorization", "Bearer "+token)
			if r.status != 200 {
				t.Fatalf("%s %s: %d %q", method, path, r.status, r.body)
			}
			return r.json(t)
		}
		made, _ := do("POST", "/api/users", m{"username": "eve", "password": "e"})["user"].(map[string]any)
		for _, s := range []*socket{root, ada} {
			if u, _ := s.expect("user_added").(map[string]any); u["username"] != "eve" {
				t.Errorf("user_added: %v", u)
			}
		}
		w.s.mu.Lock()
		id := w.s.userByNameLocked("alice").id
		w.s.mu.Unlock()
		do("PATCH", "/api/users/"+id, m{"isActive": false})
		if u, _ := root.expect("user_updated").(map[string]any); u["username"] != "alice" || u["isActive"] != false {
			t.Errorf("user_updated: %v", u)
		}
		eve, _ := made["id"].(string)
		do("DELETE", "/api/users/"+eve, nil)
		root.expect("user_removed")
		ada.expect("user_removed")
		for _, s := range []*socket{root, ada, alice} {
			s.silent()
		}
	})
}

// A transcode tells its start, how far it is, and its end.
func TestEventsOfTranscode(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		token := w.loginAs("alice", "a").access
		s, bob := w.openAs("alice", "a"), w.openAs("bob", "b")
		item := w.s.Library().Tracks()
		play := func() string {
			id, _ := w.do("POST", "/api/items/"+item.ID+"/play", m{"deviceInfo": m{"deviceId": "d"}, "forceTranscode": true},
				"Authorization", "Bearer "+token).json(t)["id"].(string)
			return id
		}
		id := play()
		if o, _ := s.expect("stream_progress").(map[string]any); o["stream"] != id || o["percent"] != "0%" || o["numSegments"] != 0.0 {
			t.Errorf("stream_progress: %v", o)
		}
		open, _ := s.expect("stream_open").(map[string]any)
		if open["id"] != id || open["clientPlaylistUri"] != "/hls/"+id+"/output.m3u8" || open["isTranscodeComplete"] != false ||
			open["libraryItem"].(map[string]any)["id"] != item.ID {
			t.Errorf("stream_open: %v", open)
		}
		s.silent()
		second := play() // the device plays anew
		if arg := s.expect("user_session_closed"); arg != id {
			t.Errorf("user_session_closed: %v", arg)
		}
		if arg := s.expect("stream_closed"); arg != id {
			t.Errorf("stream_closed: %v", arg)
		}
		s.expect("stream_progress")
		w.do("POST", "/api/session/"+second+"/close", nil, "Authorization", "Bearer "+token)
		s.expect("user_session_closed")
		s.expect("stream_closed")
		s.silent()
		bob.silent()
	})
}

// A transcode that takes long tells how far it is every two seconds.
func TestEventsOfLongTranscode(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		s := w.openAs("alice", "a")
		w.s.mu.Lock()
		u := w.s.userByNameLocked("alice")
		p := &playback{id: newUUID(), userID: u.id, media: media{item: w.s.library.Tracks()}, transcode: true,
			duration: 5000 * segmentSeconds, startedAt: millis(time.Now()), startTime: 100}
		w.s.playing = append(w.s.playing, p)
		w.s.startStreamLocked(u, p)
		w.s.mu.Unlock()
		s.expect("stream_progress")
		time.Sleep(streamLook)
		open, _ := s.expect("stream_open").(map[string]any)
		if open["segmentStartNumber"] != 11.0 {
			t.Errorf("begins with segment %v", open["segmentStartNumber"])
		}
		for _, want := range []string{"38.62%", "78.62%"} {
			o, _ := s.expect("stream_progress").(map[string]any)
			if o["percent"] != want || o["numSegments"] != 5000.0 {
				t.Errorf("stream_progress: %v, want %s", o, want)
			}
			time.Sleep(streamLook)
		}
		s.silent() // it is complete by now
		w.s.mu.Lock()
		p.stream.stop()
		w.s.mu.Unlock()
	})
}
