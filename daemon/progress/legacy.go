package progress

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"shelfkeeper/daemon/order"
	"shelfkeeper/daemon/progress/boltfile"
	"shelfkeeper/daemon/progress/recordlog"
)

// maxLegacy bounds the file of an earlier version. It could hold 8 MB, beside
// free pages.
const maxLegacy = 64 << 20

// legacy is what lies in a file of an earlier version.
type legacy struct {
	users   map[string]*entries
	damaged int // places that could not be read
}

// readLegacy reads every whole entry of the file. It returns fs.ErrNotExist
// where there is none.
func readLegacy(path string) (legacy, error) {
	old := legacy{users: make(map[string]*entries)}
	info, err := os.Stat(path)
	if err != nil {
		return old, err
	}
	if !info.Mode().IsRegular() {
		return old, fmt.Errorf("%s: %w", path, recordlog.ErrNoFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return old, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxLegacy))
	if err = errors.Join(err, f.Close()); err != nil {
		return old, err
	}
	damaged, err := boltfile.Walk(b, func(buckets []string, _, value []byte) {
		if len(buckets) != 2 {
			old.damaged++
			return
		}
		if old.users[buckets[0]] == nil {
			e := newEntries()
			old.users[buckets[0]] = &e
		}
		if old.users[buckets[0]].addLegacy(buckets[1], value) != nil {
			old.damaged++
		}
	})
	old.damaged += damaged
	if err != nil {
		old.damaged++ // nothing of it can be read
	}
	return old, nil
}

var errLegacy = errors.New("it is not what an earlier version wrote")

// addLegacy adds an entry of an earlier version: four bytes of checksum, and
// JSON.
func (e *entries) addLegacy(bucket string, b []byte) error {
	if len(b) < 4 || binary.BigEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return errLegacy
	}
	b = b[4:]
	var r record
	switch bucket {
	case "sessions":
		r.Session = new(listening)
		if err := json.Unmarshal(b, r.Session); err != nil {
			return err
		}
		r.Session.backlog = r.Session.pending()
	case "changes":
		r.Change = new(change)
		if err := json.Unmarshal(b, r.Change); err != nil {
			return err
		}
	case "offline":
		var was struct {
			offline
			Device json.RawMessage `json:"device"` // of each session
		}
		if err := json.Unmarshal(b, &was); err != nil {
			return err
		}
		r.Offline = &was.offline
		if d := deviceOf(was.Device); d != nil {
			r.Offline.Device = d.ID
			e.apply(record{Device: d})
		}
	case "aside":
		r.SetAside = new(setAsideEntry)
		if err := json.Unmarshal(b, r.SetAside); err != nil {
			return err
		}
		r.SetAside.ID = e.nextSeq()
		r.SetAside.Entry = nil // no record of ours
	default:
		return errLegacy
	}
	if !r.valid() {
		return errLegacy
	}
	e.apply(r)
	return nil
}

// merge adds what an earlier version kept, behind what is here.
func (e *entries) merge(old *entries) {
	var waiting []entry
	for _, l := range old.sessions {
		waiting = append(waiting, l)
	}
	for c := range old.changes.all() {
		waiting = append(waiting, c)
	}
	for o := range old.offline.all() {
		waiting = append(waiting, o)
	}
	order.Stable(waiting, func(a, b entry) int { return cmp.Compare(a.order(), b.order()) })
	for _, d := range old.devices {
		e.apply(record{Device: d})
	}
	for _, w := range waiting {
		switch w := w.(type) {
		case *listening:
			w.Seq, w.charged, w.chargedTo, w.stored, w.askAfter = e.nextSeq(), 0, nil, true, afterStart()
			if e.sessions[w.ID] == nil {
				e.putSession(w)
			}
		case *change:
			w.Seq = e.nextSeq()
			e.putChange(w)
		case *offline:
			w.Seq = e.nextSeq()
			if e.latest[w.ID] == nil {
				e.putOffline(w)
			}
		}
	}
	for _, s := range old.setAside {
		s.ID = e.nextSeq()
		e.putSetAside(s)
	}
}

// takeOver brings what an earlier version kept into files of ours, and puts its
// file aside once everything of it is durable. After a crash in between it is
// taken over once more, which changes nothing at the server.
func (s *store) takeOver(o *opened, log *slog.Logger) error {
	old, err := readLegacy(s.legacy())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for user, e := range old.users {
		if user == s.user {
			o.entries.merge(e)
			continue
		}
		other := store{dir: s.dir, user: user, hook: s.hook, noSync: s.noSync}
		if err := other.mergeInto(e); err != nil {
			return err
		}
	}
	if err := s.log.Rewrite(o.entries.records(s.user, nil)); err != nil {
		return err
	}
	name := s.legacy() + ".imported"
	if old.damaged > 0 {
		name = fmt.Sprintf("%s.damaged-%s", s.legacy(), time.Now().UTC().Format("20060102T150405.000000"))
		o.damaged = name
	}
	if err := os.Rename(s.legacy(), name); err != nil {
		return err
	}
	log.Info("the journal of listening of an earlier version was taken over", "file", name, "entries", o.entries.waiting())
	return nil
}

// mergeInto adds entries to the file of a user who is not signed in.
func (s *store) mergeInto(e *entries) (err error) {
	l := newLoader(s.user)
	file, found, err := recordlog.Open(s.path(), l.record)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if l.newer {
		return errNewer
	}
	file.Hook, file.NoSync = s.reached, s.noSync
	all := l.finish(found.Lost)
	all.merge(e)
	return file.Rewrite(all.records(s.user, nil))
}
