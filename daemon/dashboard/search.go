package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/library/playlist"
)

// Shelves is an optional interface of a Daemon: what the libraries hold.
type Shelves interface {
	// Search finds items by words, or one by its id. base is the address for players.
	Search(ctx context.Context, account, words string) (found library.Found, base string, err error)
	// Cover returns a small picture of an item, and its type.
	Cover(ctx context.Context, account, item string) (kind string, picture []byte, err error)
}

const (
	// maxQuery bounds what is searched for, in bytes.
	maxQuery = 200
	// coverAge is how long a browser may keep a picture.
	coverAge = "private, max-age=3600"
)

// searchView is the page on which a person finds what to play.
type searchView struct {
	Query    string
	Asked    bool
	Accounts []shelfView
}

// shelfView is what was found for an account.
type shelfView struct {
	Title   string // of the account, where there are several
	Trouble *trouble
	Items   []itemView
	More    bool
}

type itemView struct {
	Title, By, Length, Place string
	Address                  string // of its playlist
	Open                     string // a file that opens in the player of the desktop
	Cover                    string
	Feed                     string // "": none
}

// search shows the field, and what was found.
func (s *Server) search(w http.ResponseWriter, r *request) {
	shelves, ok := s.cfg.Daemon.(Shelves)
	if !ok {
		s.say(w, r, notFound)
		return
	}
	v := searchView{Query: strings.TrimSpace(r.URL.Query().Get("q"))}
	if len(v.Query) > maxQuery {
		v.Query = strings.ToValidUTF8(v.Query[:maxQuery], "")
	}
	accounts := s.cfg.Daemon.Snapshot().Accounts
	if v.Asked = v.Query != ""; v.Asked {
		for _, a := range accounts {
			found := shelfOf(r.Context(), shelves, a, v.Query)
			if len(accounts) > 1 {
				found.Title = a.Name
			}
			v.Accounts = append(v.Accounts, found)
		}
	}
	s.page(w, r, http.StatusOK, "search", frame{Title: text("search.title"), Here: "search", Body: v})
}

func shelfOf(ctx context.Context, shelves Shelves, a health.Account, query string) (v shelfView) {
	found, base, err := shelves.Search(ctx, a.Name, query)
	if err != nil {
		v.Trouble = troubleOf(err)
		return v
	}
	path := "/accounts/" + url.PathEscape(a.Name)
	for _, i := range found.Items {
		one := itemView{Title: i.Title, By: i.Author, Address: base + playlist.Path(i, "m3u8"), Cover: path + "/cover/" + i.ID,
			Open: path + "/listen/" + strings.ReplaceAll(i.Name(), "/", "~") + ".m3u8"}
		if i.Series != "" {
			one.By += " · " + i.Series
		}
		if i.Kind == library.Podcast {
			one.Feed = base + playlist.FeedPath(i.ID)
		} else {
			one.Length = moment(i.Duration)
		}
		switch {
		case i.Place != nil && i.Place.Finished:
			one.Place = text("search.finished")
		case i.Place != nil && i.Place.Seconds > 0:
			one.Place = text("search.place", moment(i.Place.Seconds))
		}
		v.Items = append(v.Items, one)
	}
	v.More = found.More
	return v
}

// moment is a number of seconds as h:mm:ss.
func moment(seconds float64) string {
	s := int(seconds)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// listen gives a file that the desktop opens in its player: the address of a playlist,
// from the place where the user is.
func (s *Server) listenTo(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	name, isList := strings.CutSuffix(r.PathValue("file"), ".m3u8")
	item, episode, _ := strings.Cut(name, "~")
	if !isList || !library.IsID(item) || episode != "" && !library.IsID(episode) {
		s.say(w, r, notFound)
		return
	}
	address := a.Proxy.URL + playlist.Path(library.Item{ID: item, Episode: episode}, "m3u8") + "?from=place"
	body := "#EXTM3U\n#EXTINF:-1,Shelfkeeper\n" + address + "\n"
	w.Header().Set("Content-Type", playlist.M3UType)
	w.Header().Set("Content-Disposition", `attachment; filename="shelfkeeper.m3u8"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write([]byte(body)) // the browser may be gone
}

// coverWait bounds the question for a picture.
const coverWait = 15 * time.Second

// cover gives the picture of an item.
func (s *Server) cover(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	shelves, ok := s.cfg.Daemon.(Shelves)
	if !ok || !library.IsID(r.PathValue("item")) {
		s.say(w, r, notFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), coverWait)
	defer cancel()
	kind, picture, err := shelves.Cover(ctx, a.Name, r.PathValue("item"))
	if err != nil {
		s.say(w, r, notFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
	w.Header().Set("Cache-Control", coverAge)
	_, _ = w.Write(picture) // the browser may be gone
}
