package absfake

// This file tells clients over their sockets what has happened. Its functions are
// called with Server.mu held, before the answer to the request that caused the
// event leaves. They encode at once, since their arguments may change afterwards.

// emitLocked sends an event to every socket of the user, that of the client
// which caused it among them.
func (s *Server) emitLocked(userID, event string, args ...any) {
	s.emitWhereLocked(func(u *user) bool { return u.id == userID }, event, args...)
}

// emitAdminsLocked sends an event to every socket of an administrator.
func (s *Server) emitAdminsLocked(event string, args ...any) {
	s.emitWhereLocked((*user).isAdmin, event, args...)
}

// emitAllLocked sends an event to every authenticated socket.
func (s *Server) emitAllLocked(event string, args ...any) {
	s.emitWhereLocked(func(*user) bool { return true }, event, args...)
}

func (s *Server) emitWhereLocked(to func(*user) bool, event string, args ...any) {
	packet := ""
	for _, c := range s.sockets.clients {
		if c.user == nil || !to(c.user) {
			continue
		}
		if packet == "" {
			packet = encodeEvent(event, args...)
		}
		c.x.emitRawLocked(packet)
	}
}

// emitUserLocked tells the user's sockets how the user is now, with the legacy
// token among the rest. abs: server/controllers/MeController.js
func (s *Server) emitUserLocked(u *user) { s.emitLocked(u.id, "user_updated", userJSON(u)) }

// emitEditedLocked tells the administrator who edited a user, not that user.
// abs: server/controllers/UserController.js
func (s *Server) emitEditedLocked(admin, edited *user) {
	s.emitLocked(admin.id, "user_updated", userJSON(edited))
}

// emitProgressLocked tells the user's sockets what a playback session has done
// to the progress. abs: server/managers/PlaybackSessionManager.js
func (s *Server) emitProgressLocked(u *user, p *playback, made *progress) {
	s.emitLocked(u.id, "user_item_progress_updated", object{
		{"id", made.id}, {"sessionId", p.id}, {"deviceDescription", p.deviceDescription()}, {"data", made.json()},
	})
}

// emitStreamLocked tells administrators what the user plays now.
func (s *Server) emitStreamLocked(u *user) {
	s.emitAdminsLocked("user_stream_update", s.publicUserLocked(u))
}

// emitClosedLocked tells of a playback session that ends. It is called while the
// session is still there: administrators see it once more.
func (s *Server) emitClosedLocked(u *user, p *playback) {
	s.emitStreamLocked(u)
	s.emitLocked(p.userID, "user_session_closed", p.id)
	s.closeStreamLocked(p)
}

// publicUserLocked is a user as administrators see all of them. The session is
// the oldest open one. abs: server/models/User.js, toJSONForPublic
func (s *Server) publicUserLocked(u *user) object {
	var session, seen any
	for _, p := range s.playing {
		if p.userID == u.id {
			session = s.publicPlayback(p)
			break
		}
	}
	if u.lastSeen != 0 {
		seen = u.lastSeen
	}
	return object{
		{"id", u.id}, {"username", u.name}, {"type", u.kind},
		{"session", session}, {"lastSeen", seen}, {"createdAt", u.createdAt},
	}
}

// publicPlayback is a session as its client got it, but without the item.
func (s *Server) publicPlayback(p *playback) object {
	o := s.playbackJSON(p, true)
	for i := range o {
		if o[i].key == "libraryItem" {
			o[i].value = nil
		}
	}
	return o
}

// usersOnlineLocked is each authenticated user once, in the order of the first
// socket, with the number of sockets.
func (s *Server) usersOnlineLocked() []object {
	var users []*user
	connections := map[*user]int{}
	for _, c := range s.sockets.clients {
		if c.user == nil {
			continue
		}
		if connections[c.user] == 0 {
			users = append(users, c.user)
		}
		connections[c.user]++
	}
	out := make([]object, 0, len(users))
	for _, u := range users {
		out = append(out, append(s.publicUserLocked(u), pair{"connections", connections[u]}))
	}
	return out
}

// deviceDescription names the device in events. A client that says no model is
// known by its User-Agent, of which this double reads nothing.
// abs: server/objects/DeviceInfo.js
func (p *playback) deviceDescription() string {
	text := func(key string) string {
		for _, e := range p.deviceJSON {
			if e.key == key {
				t, _ := e.value.(string)
				return t
			}
		}
		return ""
	}
	model, sdk, version := text("model"), text("sdkVersion"), text("clientVersion")
	switch {
	case model == "":
		return "null null / null"
	case sdk == "":
		return model + " / v" + version
	default:
		return model + " SDK " + sdk + " / v" + version
	}
}
