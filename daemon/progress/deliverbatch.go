package progress

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// batchLeast is how many updates in a row are sent as one batch: a mass of
	// them came as one, and must not become thousands of requests.
	batchLeast = 8
	// batchMost and batchBytes bound a batch: a server needs some milliseconds
	// for each update.
	batchMost  = 200
	batchFirst = 50 // until it is known how fast the server is
	batchBytes = 256 << 10
	// batchSlow is how long a batch may take before the next one is half as large:
	// others wait for it. Below batchQuick they grow again.
	batchSlow  = 700 * time.Millisecond
	batchQuick = 200 * time.Millisecond
)

// batchTook makes the next batches smaller or larger, by how long one took.
func (j *Journal) batchTook(d time.Duration) {
	j.lock()
	defer j.unlock()
	switch {
	case d > batchSlow:
		j.batch = max(batchLeast, j.batch/2)
	case d < batchQuick:
		j.batch = min(batchMost, 2*j.batch)
	}
}

// batchFrom returns the updates of one caller that wait behind each other from c
// on, each the oldest of its item; nothing of another kind came between them.
func (j *Journal) batchFrom(c *change) []*change {
	j.lock()
	defer j.unlock()
	var list []*change
	size := 0
	for next := j.changes.get(c.Seq); next != nil; next = j.changes.get(next.Seq + 1) {
		size += len(next.Body)
		if next.alone || next.By != c.By || j.lines.oldestOf(next.item()) != next ||
			len(list) == j.batch || size > batchBytes || j.isTooOld(next) {
			break
		}
		list = append(list, next)
	}
	return list
}

// deliverBatch delivers many updates in one request, with the same care as one:
// none over a newer place, and none is taken for delivered unless the server
// shows it. ok is false where they have to go one by one.
func (j *Journal) deliverBatch(ctx context.Context, list []*change) (out outcome, ok bool) {
	wanted := make(map[itemID]bool, len(list))
	for _, c := range list {
		unlock, free := j.locks.lock(ctx, c.Item+"/"+c.Episode)
		if !free {
			return later, true
		}
		defer unlock()
		wanted[c.item()] = true
	}
	places, err := j.client.places(ctx, wanted)
	if err != nil {
		return later, errors.Is(err, errTemporary)
	}
	send, late := j.sortBatch(list, places)
	if send, ok = j.markTried(send); !ok {
		return blocked, true
	}
	var added []sending // the server dates a new progress itself: it is sent once more
	for _, c := range send {
		if places[c.item()] == nil {
			added = append(added, c)
		}
	}
	for _, part := range [][]sending{send, added} {
		if len(part) == 0 {
			continue
		}
		a, err := j.client.ask(ctx, Batch.method(), Report{Kind: Batch}.path(), batchBody(part), nil)
		if err != nil || judge(Batch, a) == temporary {
			return later, true
		}
		if judge(Batch, a) != taken {
			return later, false
		}
	}
	shown, err := j.client.places(ctx, wanted)
	if err != nil {
		return later, errors.Is(err, errTemporary)
	}
	j.endBatch(send, late, shown)
	return more, true
}

// sending is an update on its way, with the time that it carries.
type sending struct {
	*change
	at int64
}

// sortBatch tells the updates that are to be sent from those that come too late.
func (j *Journal) sortBatch(list []*change, places map[itemID]*place) (send []sending, late []entry) {
	for _, c := range list {
		p, at := places[c.item()], c.moment(&j.client.clock)
		if j.isNewer(p, at, c.item()) && !(c.Tried && c.shows(p)) {
			j.log.Info("a report of progress came too late: the server has a newer one", "item", c.Item)
			late = append(late, c)
			continue
		}
		send = append(send, sending{c, at})
	}
	return send, late
}

// markTried writes down that updates are on their way. It leaves out those that
// a newer one has replaced meanwhile. ok is false if that cannot be written.
func (j *Journal) markTried(list []sending) (tried []sending, ok bool) {
	j.lock()
	defer j.unlock()
	var records []record
	for _, c := range list {
		if j.changes.get(c.Seq) == nil {
			continue
		}
		if !c.Tried {
			mark := *c.change
			mark.Tried = true
			c.change = &mark
			records = append(records, record{Change: c.change})
		}
		tried = append(tried, c)
	}
	return tried, j.writeLaterLocked(records...) == nil
}

func batchBody(list []sending) []byte {
	var b bytes.Buffer
	for i, c := range list {
		b.WriteByte("[,"[min(i, 1)])
		fields := fieldsOf(c.dated(c.at))
		fields["libraryItemId"], _ = json.Marshal(c.Item) // of a text
		delete(fields, "episodeId")
		if c.Episode != "" {
			fields["episodeId"], _ = json.Marshal(c.Episode)
		}
		one, _ := json.Marshal(fields) // of raw JSON
		b.Write(one)
	}
	b.WriteByte(']')
	return b.Bytes()
}

// endBatch removes the updates that the server shows, and those that came too
// late. The server passes over an update that it cannot take without a word, so
// the others go alone, and are judged.
func (j *Journal) endBatch(send []sending, late []entry, shown map[itemID]*place) {
	j.lock()
	defer j.unlock()
	over := late
	for _, c := range send {
		if p := shown[c.item()]; p != nil && p.LastUpdate == c.at {
			j.rememberPlaceLocked(c.change)
			over = append(over, c.change)
		} else if is := j.changes.get(c.Seq); is != nil {
			failing(is, func() { is.alone = true })
		}
	}
	j.endLocked(over, nil)
}

// maxMe bounds what is read of the answer that lists all places of a user. It is
// read piece by piece, and only what is wanted is kept.
const maxMe = 32 << 20

// places asks where the user is in some items.
func (c *client) places(ctx context.Context, wanted map[itemID]bool) (map[itemID]*place, error) {
	resp, err := c.send(ctx, http.MethodGet, "/api/me", nil, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !isType(resp.Header, "application/json") {
		return nil, fmt.Errorf("%w: places: %d", errTemporary, resp.StatusCode)
	}
	return readPlaces(json.NewDecoder(http.MaxBytesReader(nil, resp.Body, maxMe)), wanted)
}

// errPlaces: the answer is not the one that is expected, or too long.
var errPlaces = errors.New("the places of the user cannot be read")

func readPlaces(in *json.Decoder, wanted map[itemID]bool) (map[itemID]*place, error) {
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return nil, errPlaces
	}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return nil, errPlaces
		}
		if key != "mediaProgress" {
			if err := skip(in); err != nil {
				return nil, errPlaces
			}
			continue
		}
		if t, err := in.Token(); err != nil || t != json.Delim('[') {
			return nil, errPlaces
		}
		found := make(map[itemID]*place)
		for in.More() {
			var one struct {
				LibraryItemID string
				EpisodeID     *string
				place
			}
			if err := in.Decode(&one); err != nil {
				return nil, errPlaces
			}
			id := itemID{item: one.LibraryItemID}
			if one.EpisodeID != nil {
				id.episode = *one.EpisodeID
			}
			if p := one.place; wanted[id] {
				found[id] = &p
			}
		}
		if _, err := in.Token(); err != nil { // the end of the list
			return nil, errPlaces
		}
		return found, nil
	}
	return nil, errPlaces
}
