// Package progress keeps the reports of listening that an Audiobookshelf server
// could not accept. It writes them to disk before it confirms them to the
// player, and delivers them in order when the server is back.
//
// It exists because players report once and forget. A plain queue would not do:
// a report of time listened adds to a sum, and one whose answer was lost may be
// counted already. The server is asked before such a report is sent again.
//
// The journal never drops a report silently and never writes an older position
// over a newer one. It never sends one user's reports with another user's
// token, and stores no token.
package progress

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

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
	Path      string // of the file; it is made when it is first needed
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

// Journal keeps one user's reports. All its methods are safe for concurrent
// use.
type Journal struct {
	cfg    Config
	log    *slog.Logger
	client *client
	locks  keyLocks

	mu             sync.Mutex
	store          store
	sessions       map[string]*listening
	changes        []*change // in the order in which they came
	offline        map[string]*offline
	places         map[string]float64 // by item: the place that the newest delivered update named
	setAsideCount  int                // entries set aside
	setAsideReason string             // the newest of them
	otherUsers     int                // entries of other users in the file
	damaged        string             // where a damaged file was put
	writeErr       error              // of the newest write
	seq            uint64
	changed        chan struct{} // closed and replaced at each change of Status
	idle           chan struct{} // closed while nothing waits
	rounds         chan struct{} // closed and replaced after each round of deliveries

	running bool          // a goroutine delivers
	wake    chan struct{} // holds one
	ctx     context.Context
	cancel  context.CancelFunc
	closed  bool
	group   sync.WaitGroup
}

// New returns a Journal that has read nothing yet.
func New(cfg Config) *Journal {
	j := &Journal{
		cfg: cfg, log: cfg.Log, store: store{path: cfg.Path, user: cfg.UserID},
		sessions: make(map[string]*listening), offline: make(map[string]*offline), places: make(map[string]float64),
		changed: make(chan struct{}), idle: make(chan struct{}), rounds: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	close(j.idle)
	j.client = newClient(cfg)
	j.ctx, j.cancel = context.WithCancel(context.Background())
	return j
}

// Start reads what an earlier run left, if there is a file, and begins to
// deliver it. Where nothing is left the file is closed again: a daemon that
// nobody listens through pays nothing.
func (j *Journal) Start() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.store.exists() {
		return
	}
	if err := j.openLocked(); err != nil {
		return // it shows in Status, and the next report tries again
	}
	j.closeIdleLocked()
	j.wakeLocked()
}

// Close ends deliveries, writes down what is known of the open sessions, and
// waits. Reports that come later are not kept.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.cancel()
	j.group.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	var flushed error
	if j.store.isOpen() {
		flushed = j.store.write(j.dirtyLocked()...)
	}
	return errors.Join(flushed, j.store.close())
}

// Wake makes the journal try to deliver now: the server may be reachable again,
// or there is a token.
func (j *Journal) Wake() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wakeLocked()
}

// AwaitDelivery starts a delivery and returns when it has ended, when nothing
// waits, or with ctx. A request that reads the listener's place calls it, so
// that the answer includes the reports before it.
func (j *Journal) AwaitDelivery(ctx context.Context) {
	j.mu.Lock()
	idle, tried := j.idle, j.rounds
	j.wakeLocked()
	j.mu.Unlock()
	select {
	case <-idle:
	case <-tried:
	case <-ctx.Done():
	}
}

// wakeLocked makes the delivery try now, and starts one where none runs.
func (j *Journal) wakeLocked() {
	if j.closed || j.waitingLocked() == 0 {
		return
	}
	if !j.running {
		j.running = true
		j.group.Go(j.run)
		return
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// openLocked opens the file and takes over what lies in it.
func (j *Journal) openLocked() error {
	if j.store.isOpen() {
		return nil
	}
	if j.closed {
		return ErrNotOurs
	}
	kept, damaged, err := j.store.open()
	if damaged != "" {
		j.damaged = damaged
		j.log.Error("the journal of listening was damaged and is put aside", "file", damaged)
	}
	if err != nil {
		j.failedLocked(err)
		return err
	}
	j.writeErr = nil
	j.setAsideCount, j.setAsideReason, j.otherUsers = kept.aside, kept.why, kept.others
	for _, l := range kept.sessions {
		if known := j.sessions[l.ID]; known != nil && !known.stored {
			continue // known from its opening only, and newer
		}
		l.backlog, l.stored, l.askAfter = l.pending(), true, time.Now().Add(graceCut)
		j.sessions[l.ID] = l
		j.seq = max(j.seq, l.Seq)
	}
	j.changes = kept.changes
	for _, c := range j.changes {
		j.seq = max(j.seq, c.Seq)
	}
	for _, o := range kept.offline {
		j.offline[o.ID] = o
		j.seq = max(j.seq, o.Seq)
	}
	j.changedLocked()
	return nil
}

// closeIdleLocked closes the file if nothing in it is needed.
func (j *Journal) closeIdleLocked() {
	if !j.store.isOpen() || j.waitingLocked() > 0 {
		return
	}
	for _, l := range j.sessions {
		if l.stored && (l.Sent != nil || time.Since(l.seen()) < idleAfter) {
			return
		}
	}
	var gone []edit
	for id, l := range j.sessions {
		if l.stored {
			gone = append(gone, edit{bucketSessions, []byte(id), nil})
			delete(j.sessions, id)
		}
	}
	if err := errors.Join(j.store.write(gone...), j.store.close()); err != nil {
		j.failedLocked(err)
	}
}

func (j *Journal) failedLocked(err error) {
	if j.writeErr == nil {
		j.log.Error("the journal of listening cannot be written", "reason", err)
	}
	j.writeErr = err
	j.changedLocked()
}

// writeLocked makes edits durable, together with the sessions that have changed
// since the last write.
func (j *Journal) writeLocked(edits ...edit) error {
	err := j.openLocked()
	if err == nil {
		edits = append(j.dirtyLocked(), edits...)
		err = j.store.write(edits...)
	}
	switch {
	case err == nil:
		j.writeErr = nil
		for _, l := range j.sessions {
			if l.dirty {
				l.dirty, l.stored = false, true
			}
		}
	case !errors.Is(err, ErrFull):
		j.failedLocked(err)
	}
	return err
}

// dirtyLocked returns the sessions that have changed since they were written. A
// report that the server has counted is removed with the next write. After a
// crash before that write, the server is asked whether it has counted it.
func (j *Journal) dirtyLocked() []edit {
	var edits []edit
	for id, l := range j.sessions {
		if l.dirty {
			edits = append(edits, edit{bucketSessions, []byte(id), l})
		}
	}
	return edits
}

func (j *Journal) nextLocked() uint64 { j.seq++; return j.seq }
