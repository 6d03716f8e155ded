package progress

import (
	"bytes"
	"encoding/json"
	"iter"
	"time"
)

// chunk is how many entries of one report are written together: other reports
// wait for one chunk at most.
const chunk = 500

// maxElements bounds the elements of one report: more cannot be kept in any
// case, but each would get an answer.
const maxElements = 50_000

// elements returns the elements of a JSON array. Nothing is copied, and nothing
// is built of them. The text must be valid.
func elements(array []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		array = bytes.TrimSpace(array)
		depth, begin, text := 0, 1, false
		for i := 0; i < len(array); i++ {
			switch c := array[i]; {
			case text && c == '\\':
				i++
			case c == '"':
				text = !text
			case text:
			case c == '[' || c == '{':
				depth++
			case c == ']' || c == '}' || c == ',' && depth == 1:
				if depth == 1 {
					if e := bytes.TrimSpace(array[begin:i]); len(e) > 0 && !yield(e) {
						return
					}
					begin = i + 1
				}
				if c != ',' {
					depth--
				}
			}
		}
	}
}

// batch is a report about many items or sessions, of which nothing is built yet.
type batch struct {
	report Report
	list   json.RawMessage // the elements
	device *device         // of a LocalAll
	now    time.Time
	count  int // elements
}

// batchOf reads a Batch or a LocalAll. ok is false for one that cannot be kept as
// a whole: no part of it may get lost.
func batchOf(r Report, now time.Time) (b *batch, ok bool) {
	if !r.readsJSON() || !json.Valid(r.Body) {
		return nil, false
	}
	b = &batch{report: r, list: r.Body, now: now}
	if r.Kind == LocalAll {
		var parts struct {
			Sessions   json.RawMessage
			DeviceInfo json.RawMessage
		}
		if json.Unmarshal(r.Body, &parts) != nil {
			return nil, false
		}
		b.list, b.device = parts.Sessions, deviceOf(parts.DeviceInfo)
	}
	if list := bytes.TrimSpace(b.list); len(list) == 0 || list[0] != '[' {
		return nil, false
	}
	for raw := range elements(b.list) {
		if b.count++; len(raw) > maxUpdate {
			return nil, false
		}
	}
	return b, true
}

// changes returns the updates of a Batch. It skips what the server would skip.
func (b *batch) changes() iter.Seq[*change] {
	return func(yield func(*change) bool) {
		b.updates()(func(c *change, _ json.RawMessage) bool { return yield(c) })
	}
}

// updates is changes, each with its text in the report.
func (b *batch) updates() iter.Seq2[*change, json.RawMessage] {
	return func(yield func(*change, json.RawMessage) bool) {
		for raw := range elements(b.list) {
			if raw[0] != '{' {
				continue
			}
			var of struct {
				LibraryItemID string
				EpisodeID     *string
			}
			if json.Unmarshal(raw, &of) != nil {
				continue
			}
			episode := ""
			if of.EpisodeID != nil {
				episode = *of.EpisodeID
			}
			if c, ok := changeOf(of.LibraryItemID, episode, raw, b.now); ok && !yield(c, raw) {
				return
			}
		}
	}
}

// sessions returns the sessions of a LocalAll. id is what one that cannot be
// kept calls itself.
func (b *batch) sessions() iter.Seq2[*offline, string] {
	return func(yield func(*offline, string) bool) {
		agent := agentOf(b.report)
		for raw := range elements(b.list) {
			o, ok := offlineOf(raw, agent, b.now)
			if !ok {
				var s struct{ ID string }
				_ = json.Unmarshal(raw, &s) // the refusal names the id, if there is one
				if !yield(nil, s.ID) {
					return
				}
				continue
			}
			o.All = true
			if b.device != nil {
				o.Device = b.device.ID
			}
			if !yield(o, o.ID) {
				return
			}
		}
	}
}

// results is the server's answer to a LocalAll of which everything is kept.
func (b *batch) results() Answer {
	var out bytes.Buffer
	out.WriteString(`{"results":[`)
	for o, id := range b.sessions() {
		r := result{ID: id, Error: "Media item not found"}
		if o != nil {
			synced := true // else a player may take its own, newer place for the older one
			r = result{ID: id, Success: true, Synced: &synced}
		}
		if out.Len() > len(`{"results":[`) {
			out.WriteByte(',')
		}
		one, _ := json.Marshal(r) // of texts
		out.Write(one)
	}
	out.WriteString(`]}`)
	return kept(out.Bytes(), "application/json; charset=utf-8")
}

func onlyKept(all iter.Seq2[*offline, string]) iter.Seq[*offline] {
	return func(yield func(*offline) bool) {
		for o := range all {
			if o != nil && !yield(o) {
				return
			}
		}
	}
}

// chunks returns the elements of all in parts of a bounded number.
func chunks[E any](all iter.Seq[E]) iter.Seq[[]E] {
	return func(yield func([]E) bool) {
		var part []E
		for e := range all {
			if part = append(part, e); len(part) == chunk {
				if !yield(part) {
					return
				}
				part = nil
			}
		}
		if len(part) > 0 {
			yield(part)
		}
	}
}
