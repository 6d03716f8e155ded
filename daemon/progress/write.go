package progress

import (
	"errors"
	"time"
)

// openLocked opens the file and takes over what lies in it.
func (j *Journal) openLocked() error {
	if j.store.isOpen() {
		return nil
	}
	if j.isClosed() {
		return ErrNotOurs
	}
	o, err := j.store.open(j.log)
	if o.damaged != "" {
		j.damaged, j.recovered = o.damaged, o.entries.waiting()
		j.log.Error("the journal of listening was damaged; every whole entry was read, and the file is kept",
			"file", o.damaged, "entries", j.recovered)
	}
	if err != nil {
		j.failedLocked(err)
		return err
	}
	j.writeErr = nil
	known := j.sessions
	j.entries = o.entries
	for _, l := range known {
		if l.stored && j.sessions[l.ID] == nil {
			continue // it was removed with the file
		}
		if was := j.sessions[l.ID]; was == nil || !was.pending() {
			l.charged, l.chargedTo = 0, nil
			j.putSession(l) // known from its opening only, and newer
		}
	}
	j.otherUsers = j.store.others()
	j.setPromptLocked(true)
	j.changedLocked()
	return nil
}

// closeIdleLocked closes the file if nothing in it is needed, and deletes it if
// it holds nothing.
func (j *Journal) closeIdleLocked() {
	if !j.store.isOpen() || j.waiting() > 0 {
		return
	}
	for _, l := range j.sessions {
		if l.stored && (l.Sent != nil || time.Since(l.seen()) < idleAfter) {
			return
		}
	}
	var gone []record
	for id, l := range j.sessions {
		if l.stored {
			gone = append(gone, record{Removed: &removed{Session: id}})
		}
	}
	var err error
	if len(j.entries.setAside) == 0 {
		err = j.store.remove()
	} else {
		err = errors.Join(j.store.write(&j.entries, false, gone...), j.store.close())
	}
	for _, r := range gone {
		j.apply(r)
	}
	if err != nil {
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

// writeLocked makes records durable and applies them, together with the sessions
// that have changed since the last write. On an error nothing is applied.
func (j *Journal) writeLocked(records ...record) error { return j.writeWhenLocked(false, records) }

// writeLaterLocked is writeLocked for records that a power cut may cost, because
// without them a request is repeated that changes nothing. The disk is not waited
// for.
func (j *Journal) writeLaterLocked(records ...record) error { return j.writeWhenLocked(true, records) }

func (j *Journal) writeWhenLocked(later bool, records []record) error {
	if err := j.openLocked(); err != nil {
		return err
	}
	dirty := j.dirtyLocked()
	if err := j.store.write(&j.entries, later, append(dirty, records...)...); err != nil {
		j.failedLocked(err)
		return err
	}
	j.writeErr = nil
	for _, r := range dirty {
		r.Session.dirty, r.Session.stored = false, true
	}
	for _, r := range records {
		if r.Session != nil {
			r.Session.dirty, r.Session.stored = false, true
		}
		j.apply(r)
	}
	return nil
}

// dirtyLocked returns the sessions that have changed since they were written. A
// report that the server has counted is removed with the next write. After a
// crash before that write, the server is asked whether it has counted it.
func (j *Journal) dirtyLocked() []record {
	var dirty []record
	for _, l := range j.sessions {
		if l.dirty {
			dirty = append(dirty, record{Session: l})
		}
	}
	return dirty
}
