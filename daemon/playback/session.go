package playback

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// callWait bounds one call to the local address, which holds requests for ten
	// seconds in a temporary failure.
	callWait = 20 * time.Second
	// maxOpened bounds the answer that opens a session. A book of a thousand files takes
	// about 4 MB.
	maxOpened = 32 << 20
)

// Server is the local address of an account.
type Server struct {
	Base    string // "http://127.0.0.1:PORT"
	Grant   string // a local token; "" where the user's programs need none
	Version string // of this program
	Device  string // names this machine's player for the server
	// Leave keeps what could not be reported; nil: nothing does.
	Leave  func(Left) error
	client http.Client
}

// Left is what was heard and could not be reported.
type Left struct {
	User    string                     // who listened, as the server names him
	About   map[string]json.RawMessage // the item, as the server tells it of a session
	Place   float64                    // seconds
	Heard   time.Duration              // since the last report
	HeardAt time.Time                  // the last moment of it
}

// aboutSession are the fields of a session that say what was heard, with what. Others are
// large or tell how far it was.
var aboutSession = []string{"libraryId", "libraryItemId", "bookId", "episodeId", "mediaType", "displayTitle", "displayAuthor",
	"coverPath", "duration", "playMethod", "mediaPlayer", "deviceInfo", "serverVersion"}

// ErrNeedsGrant says that the local address lets nobody in without a grant.
var ErrNeedsGrant = errors.New("a grant is needed")

// statusError is an answer that is no success.
type statusError struct {
	status int
	said   string
}

func (e *statusError) Error() string { return fmt.Sprintf("it answers %d: %s", e.status, e.said) }

// Session is a playback session.
type Session struct {
	server        *Server
	path, player  string // how it was opened
	id, user      string
	about         map[string]json.RawMessage
	Title, Author string
	Start         float64 // where the user is, in seconds
	Duration      float64 // seconds
	Tracks        []Track
	Chapters      []Chapter
}

// Open opens a playback session of a book, or of an episode of a podcast, for a player.
func (s *Server) Open(ctx context.Context, item, episode, player string) (*Session, error) {
	path := "/api/items/" + url.PathEscape(item) + "/play"
	if episode != "" {
		path += "/" + url.PathEscape(episode)
	}
	in := &Session{server: s, path: path, player: player}
	return in, in.open(ctx)
}

func (in *Session) open(ctx context.Context) error {
	s := in.server
	var said struct {
		ID, UserID                  string
		DisplayTitle, DisplayAuthor string
		Duration, CurrentTime       float64
		AudioTracks                 []struct {
			ContentURL, Title     string
			StartOffset, Duration float64
		}
		Chapters []struct {
			Title string
			Start float64
		}
	}
	var raw json.RawMessage
	err := s.call(ctx, in.path, map[string]any{
		"deviceInfo":  map[string]string{"deviceId": s.Device, "clientName": "Shelfkeeper", "clientVersion": s.Version},
		"mediaPlayer": in.player, "forceDirectPlay": true, "supportedMimeTypes": []string{},
	}, &raw)
	if err != nil {
		return err
	}
	fields := make(map[string]json.RawMessage)
	if err := errors.Join(json.Unmarshal(raw, &said), json.Unmarshal(raw, &fields)); err != nil {
		return fmt.Errorf("its answer is not understood: %w", err)
	}
	in.user, in.about = said.UserID, make(map[string]json.RawMessage)
	for _, name := range aboutSession {
		if value, there := fields[name]; there {
			in.about[name] = bytes.Clone(value) // a clone, since raw is large
		}
	}
	in.id, in.Title, in.Author, in.Duration = said.ID, said.DisplayTitle, said.DisplayAuthor, said.Duration
	in.Start = min(max(0, said.CurrentTime), said.Duration)
	in.Tracks, in.Chapters = nil, nil
	for _, t := range said.AudioTracks {
		if !strings.HasPrefix(t.ContentURL, "/") || strings.ContainsAny(t.ContentURL, "?#\\ \r\n") {
			return errors.New("an audio file has an address that is none")
		}
		in.Tracks = append(in.Tracks, Track{URL: s.Address(t.ContentURL, ""), Title: t.Title, Offset: max(0, t.StartOffset),
			Duration: max(0, t.Duration)})
	}
	for _, c := range said.Chapters {
		in.Chapters = append(in.Chapters, Chapter{c.Title, c.Start})
	}
	if in.id == "" || len(in.Tracks) == 0 {
		return errors.New("there is nothing to hear in it")
	}
	return nil
}

// Address is a path at the local address, with a query and what a player needs to come
// in.
func (s *Server) Address(path, query string) string {
	if s.Grant != "" {
		query += "&token=" + url.QueryEscape(s.Grant)
	}
	if query = strings.TrimPrefix(query, "&"); query == "" {
		return s.Base + path
	}
	return s.Base + path + "?" + query
}

// ComesIn reports whether the user's programs come in as they are.
func (s *Server) ComesIn(ctx context.Context) bool {
	r, err := s.request(ctx, "/api/libraries", nil)
	if err != nil {
		return false
	}
	r.Method, r.Body = http.MethodGet, http.NoBody
	return !errors.Is(s.do(r, nil), ErrNeedsGrant)
}

// Report says where the user is and how long was listened since the last report.
func (in *Session) Report(ctx context.Context, at float64, heard time.Duration) error {
	return in.report(ctx, "/sync", at, heard)
}

// Close ends the session, with a last report unless nothing was heard since the last one.
func (in *Session) Close(ctx context.Context, at float64, heard time.Duration) error {
	if heard <= 0 {
		return in.gone(in.server.call(ctx, "/api/session/"+url.PathEscape(in.id)+"/close", nil, nil))
	}
	return in.report(ctx, "/close", at, heard)
}

func (in *Session) report(ctx context.Context, route string, at float64, heard time.Duration) error {
	body := map[string]any{"currentTime": at, "timeListened": heard.Seconds(), "duration": in.Duration}
	err := in.server.call(ctx, "/api/session/"+url.PathEscape(in.id)+route, body, nil)
	if in.gone(err) != nil || err == nil {
		return err
	}
	// Neither the journal nor the server knows the session any more.
	if err := in.open(ctx); err != nil {
		return err
	}
	return in.server.call(ctx, "/api/session/"+url.PathEscape(in.id)+route, body, nil)
}

// gone returns nil for an answer that says that there is no such session.
func (in *Session) gone(err error) error {
	var s *statusError
	if errors.As(err, &s) && s.status == http.StatusNotFound {
		return nil
	}
	return err
}

// SignOut ends the sign-in of a grant by its refresh token.
func (s *Server) SignOut(ctx context.Context, refresh string) error {
	r, err := s.request(ctx, "/logout", nil)
	if err != nil {
		return err
	}
	r.Header.Set("X-Refresh-Token", refresh)
	return s.do(r, nil)
}

func (s *Server) call(ctx context.Context, path string, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	r, err := s.request(ctx, path, body)
	if err != nil {
		return err
	}
	return s.do(r, out)
}

func (s *Server) request(ctx context.Context, path string, body any) (*http.Request, error) {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "shelfkeeper-play/"+s.Version)
	if s.Grant != "" {
		r.Header.Set("Authorization", "Bearer "+s.Grant)
	}
	return r, nil
}

func (s *Server) do(r *http.Request, out any) error {
	resp, err := s.client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxOpened))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusUnauthorized && s.Grant == "":
		return ErrNeedsGrant
	case resp.StatusCode != http.StatusOK:
		said := strings.Join(strings.Fields(string(raw[:min(len(raw), 300)])), " ")
		return &statusError{resp.StatusCode, said}
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("its answer is not understood: %w", err)
	}
	return nil
}
