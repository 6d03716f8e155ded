package survival

import (
	"net/http"
	"strconv"
	"time"

	"shelfkeeper/daemon/service"
)

// client is what is compared: a program that holds a session and makes the
// requests of a player with it. begin, end and crashed are called one after
// another, the rest at any time in between.
type client interface {
	// begin starts a process, which finds what earlier ones left on disk.
	begin(*life)
	// end asks the process to end and waits until it has.
	end()
	// crashed is called when the process has died; it puts away what is left.
	crashed()
	// woke says that the machine woke up or has come to another network.
	woke()
	// request makes the player's request of that number and says how it ended for it.
	request(no int) ending
	// signedOut reports whether only the user can go on.
	signedOut() bool
	// signIn is the user, who types the password or signs in at the provider.
	signIn() error
	// sessions is how many sessions of the server the client holds.
	sessions() int
}

// ending is how a request ended for who made it.
type ending int

const (
	served       ending = iota
	failed              // no answer, or one that is of no use
	unauthorized        // refused, and nothing the client did could mend it
)

// The server's addresses that clients use.
const (
	server      = "http://abs.example"
	refreshPath = "/auth/refresh"
	loginPath   = "/login"
	playPath    = "/api/me"
)

const (
	// diskTime is how long it takes until something written is durable.
	diskTime = 15 * time.Millisecond
	// modelPatience is how long a model waits for an answer, the same as
	// Shelfkeeper does at the most. The clients themselves set no deadline.
	modelPatience = 60 * time.Second
	// hold is how long a player's request is held while the server is out of
	// reach (also daemon/proxy: holdFor).
	hold = service.TokenWait
	// playerPatience is when a player gives up.
	playerPatience = 30 * time.Second
)

// pair is what a model holds.
type pair struct{ access, refresh string }

// model is what the three models have in common: a process, and a disk that
// outlives it.
type model struct {
	life *life
	held pair // in memory
	disk pair
	out  bool // signed out, which is on disk as well
}

func (m *model) begin(l *life)   { m.life, m.held = l, m.disk }
func (m *model) end()            {}
func (m *model) crashed()        {}
func (m *model) woke()           {}
func (m *model) sessions() int   { return 1 }
func (m *model) signedOut() bool { return m.out }

// play makes the player's own request.
func (m *model) play(l *life, no int, access string) ending {
	header := http.Header{"Authorization": {"Bearer " + access}}
	status, _, _, err := l.ask(http.MethodGet, numbered(no), header, "")
	return endingOf(status, err)
}

// numbered is the address that a player asks for, different for each request: two
// of one instant then travel for themselves.
func numbered(no int) string { return playPath + "?no=" + strconv.Itoa(no) }

func endingOf(status int, err error) ending {
	switch {
	case err == nil && status == http.StatusOK:
		return served
	case err == nil && status == http.StatusUnauthorized:
		return unauthorized
	}
	return failed
}
