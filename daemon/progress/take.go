package progress

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Take delivers a report to the server, or keeps it. It returns the server's
// answer, or else, once the report is durable, the answer that the server would
// give. While anything waits, every new report waits behind it. With an error
// nothing was kept; after ErrNotOurs the report may still be forwarded.
func (j *Journal) Take(ctx context.Context, r Report) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := time.Now()
	switch r.Kind {
	case Sync, End:
		s, nothing, ok := r.intervalOf(now)
		if !ok || !goodID(r.Session) {
			j.bypassed(r.Session)
			return Answer{}, ErrNotOurs
		}
		if nothing {
			s = nil
		}
		return j.takeSession(ctx, r, s)
	case Patch:
		c, ok := changeOf(r.Item, r.Episode, r.Body, now)
		if !ok || !r.readsJSON() {
			return Answer{}, ErrNotOurs
		}
		return j.takeOther(ctx, r, c.item(), func(tried bool) (Answer, error) {
			c.Tried = tried
			return keptOK(), j.keepLocked([]*change{c}, nil)
		})
	case Batch:
		list, ok := changesOf(r, now)
		if !ok {
			return Answer{}, ErrNotOurs
		}
		return j.takeOther(ctx, r, "batch", func(tried bool) (Answer, error) {
			for _, c := range list {
				c.Tried = tried
			}
			return keptOK(), j.keepLocked(list, nil)
		})
	case Local:
		o, ok := offlineOf(r.Body, now)
		if !ok || !r.readsJSON() {
			return Answer{}, ErrNotOurs
		}
		o.Agent = r.Header.Get("User-Agent")
		return j.takeOther(ctx, r, o.ID, func(bool) (Answer, error) {
			return keptOK(), j.keepLocked(nil, []*offline{o})
		})
	case LocalAll:
		list, results, ok := localAllOf(r, now)
		if !ok {
			return Answer{}, ErrNotOurs
		}
		return j.takeOther(ctx, r, "local-all", func(bool) (Answer, error) {
			body, err := json.Marshal(map[string]any{"results": results})
			if err != nil {
				return Answer{}, err
			}
			return kept(body, "application/json; charset=utf-8"), j.keepLocked(nil, list)
		})
	}
	return Answer{}, ErrNotOurs
}

// changesOf reads a Batch. It skips what the server would skip.
func changesOf(r Report, now time.Time) (list []*change, ok bool) {
	var bodies []json.RawMessage
	if !r.readsJSON() || json.Unmarshal(r.Body, &bodies) != nil {
		return nil, false
	}
	for _, b := range bodies {
		var of struct {
			LibraryItemID string
			EpisodeID     *string
		}
		if json.Unmarshal(b, &of) != nil {
			continue
		}
		episode := ""
		if of.EpisodeID != nil {
			episode = *of.EpisodeID
		}
		if c, ok := changeOf(of.LibraryItemID, episode, b, now); ok {
			list = append(list, c)
		}
	}
	return list, len(list) > 0
}

// takeOther is Take for reports that may be sent twice without harm. keep writes
// the report to disk; it is called only if the server is out of reach.
func (j *Journal) takeOther(ctx context.Context, r Report, key string, keep func(tried bool) (Answer, error)) (Answer, error) {
	unlock, free := j.locks.lock(ctx, key)
	if free {
		defer unlock()
	}
	tried := false
	if j.mu.Lock(); free && !j.closed && j.waitingLocked() == 0 {
		j.mu.Unlock()
		a, v, _ := j.client.report(ctx, r)
		if v != temporary && v != stuck {
			return a, nil
		}
		tried = true
		j.mu.Lock()
	}
	defer j.mu.Unlock()
	a, err := keep(tried)
	return a, j.notKept(err, true)
}

// notKept turns the error of a write into one of Take's. away says that the
// server is out of reach, so that forwarding the report is of no use.
func (j *Journal) notKept(err error, away bool) error {
	switch {
	case err == nil || errors.Is(err, ErrFull):
		return err
	case away:
		return errors.Join(ErrDisk, err)
	}
	return ErrNotOurs
}

// keepLocked makes updates and offline sessions durable and has them delivered.
func (j *Journal) keepLocked(changes []*change, sessions []*offline) error {
	if err := j.openLocked(); err != nil {
		return err
	}
	var edits []edit
	after := append([]*change(nil), j.changes...)
	for _, c := range changes {
		c.Seq = j.nextLocked()
		// Only the newest of an item may give way: what lies between two of
		// them must be seen in between.
		for i := len(after) - 1; i >= 0; i-- {
			e := after[i]
			if e.Item != c.Item || e.Episode != c.Episode {
				continue
			}
			if c.covers(e) && !e.Tried {
				c = c.over(e)
				after = append(after[:i:i], after[i+1:]...)
				edits = append(edits, edit{bucketChanges, seqKey(e.Seq), nil})
			}
			break
		}
		after = append(after, c)
		edits = append(edits, edit{bucketChanges, seqKey(c.Seq), c})
	}
	latest := make(map[string]*offline)
	for _, o := range sessions {
		o.Seq = j.nextLocked()
		earlier := latest[o.ID]
		if earlier == nil {
			earlier = j.offline[o.ID]
		}
		latest[o.ID] = o.over(earlier)
	}
	for id, o := range latest {
		edits = append(edits, edit{bucketOffline, []byte(id), o})
	}
	if err := j.writeLocked(edits...); err != nil {
		return err
	}
	j.changes = after
	for id, o := range latest {
		j.offline[id] = o
	}
	j.changedLocked()
	j.wakeLocked()
	return nil
}
