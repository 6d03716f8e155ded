// Package progress keeps the reports of listening that an Audiobookshelf server
// could not accept. It writes them to disk before it confirms them to the
// player, and delivers them in order when the server is back.
//
// It exists because players report once and forget. A plain queue would not do:
// a report of time listened adds to a sum, and one whose answer was lost may be
// counted already. The server is asked before such a report is sent again.
//
// Begin with New and Journal.Take. Take returns when the server has the report, or
// when the report is on disk; after an error the player has to keep it. Remedy says
// what helps against an error.
//
// The journal never drops a report silently and never writes an older position
// over a newer one. It never sends one user's reports with another user's
// token, and stores no token.
package progress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"shelfkeeper/daemon/redact"
)

// Tokens gives out the account's access tokens.
type Tokens interface {
	// Token returns a token that is valid now. It may block while one is being
	// renewed, bounded by ctx.
	Token(ctx context.Context) (redact.Secret, error)
	// Suspect says that the server refused the token, and returns another.
	Suspect(ctx context.Context, refused redact.Secret) (redact.Secret, error)
}

// Config is what a Journal works with. All but Log are required.
type Config struct {
	Dir       string // of the account's files; it is made when it is first needed
	UserID    string // whose reports they are, as the server's tokens say
	Base      *url.URL
	Transport http.RoundTripper // follows no redirects, never repeats what was written
	Tokens    Tokens
	// Identity returns the id of the user whose tokens Tokens gives out now;
	// "" while there is none.
	Identity func() string
	Log      *slog.Logger
}

// The errors of Take. With any of them the report is not in the journal.
var (
	// ErrNotOurs: the journal cannot keep this report. It should go to the
	// server as it came.
	ErrNotOurs = errors.New("not for the journal")
	// ErrFull: nothing more is kept until something is delivered.
	ErrFull = errors.New("the journal of listening is full")
	// ErrDisk: the server cannot be reached, and the report cannot be written
	// to disk.
	ErrDisk = errors.New("the journal of listening cannot be written")
)

// patience is how long a player waits for the server before its report is
// kept: the web client gives up after 9 s (abs: client/players/PlayerHandler.js).
const patience = 5 * time.Second

// diskPatience is how long a report waits until others are written, beside
// patience.
const diskPatience = 3 * time.Second

// Journal keeps one user's reports. All its methods are safe for concurrent
// use.
type Journal struct {
	cfg    Config
	log    *slog.Logger
	client *client
	locks  keyLocks
	bulk   *semaphore.Weighted // bytes of large bodies that are in memory
	small  *semaphore.Weighted // the same of small ones

	// busy holds a value while somebody reads or changes the fields below. It
	// is held over writes to disk, each of a bounded size; view is for what
	// must not wait for one.
	busy chan struct{}
	entries
	store      store
	places     map[itemID]float64 // the place that the newest delivered update named
	otherUsers int                // entries that wait for other users of the account
	batch      int                // updates that go in one request, by how fast the server is
	damaged    string             // where a damaged file was put
	recovered  int                // entries that were read from it
	writeErr   error              // of the newest write
	logged     perMinute          // lines about reports that were set aside

	view view

	begun     time.Time
	begunWall time.Time     // the same by the wall clock alone, which may be put right since
	wake      chan struct{} // holds one
	ctx       context.Context
	cancel    context.CancelFunc
	runs      sync.WaitGroup
}

// New returns a Journal that has read nothing yet.
func New(cfg Config) *Journal {
	j := &Journal{
		cfg: cfg, log: cfg.Log, begun: time.Now(), begunWall: time.Now().Round(0), store: store{dir: cfg.Dir, user: cfg.UserID},
		entries: newEntries(), batch: batchFirst, places: make(map[itemID]float64), busy: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		bulk: semaphore.NewWeighted(bulkBodies), small: semaphore.NewWeighted(smallBodies),
		view: view{changed: make(chan struct{}), idle: make(chan struct{}), rounds: make(chan struct{})},
	}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	close(j.view.idle)
	j.client = newClient(cfg)
	j.ctx, j.cancel = context.WithCancel(context.Background())
	return j
}

func (j *Journal) lock()   { j.busy <- struct{}{} }
func (j *Journal) unlock() { <-j.busy }

// lockFor is lock for a report that a player waits for: it gives up where the
// disk does not answer.
func (j *Journal) lockFor(wait time.Duration) error {
	select {
	case j.busy <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case j.busy <- struct{}{}:
		return nil
	case <-timer.C:
		return fmt.Errorf("%w: the disk does not answer", ErrDisk)
	}
}

// Start reads what an earlier run left, if there is a file, and begins to
// deliver it. It takes in what was left by Leave. If nothing waits the file is closed
// again: a daemon without listeners pays nothing.
func (j *Journal) Start() {
	j.begin()
	j.takeLeft()
}

func (j *Journal) begin() {
	j.lock()
	defer j.unlock()
	if !j.store.exists() {
		j.otherUsers = j.store.others()
		j.changedLocked()
		return
	}
	if err := j.openLocked(); err != nil {
		return // it shows in Status, and the next report tries again
	}
	j.closeIdleLocked()
	j.Wake()
}

// Close ends deliveries, writes down what is known of the open sessions, and
// waits. Reports that come later are not kept.
func (j *Journal) Close() error {
	j.view.mu.Lock()
	j.view.closed = true
	j.view.mu.Unlock()
	j.cancel()
	j.runs.Wait()
	j.lock()
	defer j.unlock()
	var flushed error
	if j.store.isOpen() {
		flushed = j.store.write(&j.entries, false, j.dirtyLocked()...)
	}
	return errors.Join(flushed, j.store.close())
}

func (j *Journal) isClosed() bool {
	j.view.mu.Lock()
	defer j.view.mu.Unlock()
	return j.view.closed
}

// isWaiting reports whether anything waits to be delivered.
func (j *Journal) isWaiting() bool {
	j.view.mu.Lock()
	defer j.view.mu.Unlock()
	return j.view.waiting > 0
}

// Wake makes the journal try to deliver now: the server may be reachable again,
// or there is a token.
func (j *Journal) Wake() {
	v := &j.view
	v.mu.Lock()
	defer v.mu.Unlock()
	j.wakeLocked()
}

// wakeLocked is Wake for a caller that holds view.mu.
func (j *Journal) wakeLocked() {
	if j.view.closed || j.view.waiting == 0 {
		return
	}
	if !j.view.running {
		j.view.running = true
		j.runs.Go(j.run)
		return
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// AwaitDelivery starts a delivery and returns when it has ended, when nothing
// waits, or with ctx. A request that reads the listener's place calls it, so
// that the answer includes the reports before it.
func (j *Journal) AwaitDelivery(ctx context.Context) {
	j.view.mu.Lock()
	idle, tried := j.view.idle, j.view.rounds
	j.wakeLocked()
	j.view.mu.Unlock()
	select {
	case <-idle:
	case <-tried:
	case <-ctx.Done():
	}
}
