package progress

// isNewer reports whether p was written by somebody else, after moment. A time
// that has not come yet is of a clock that is wrong, and tells nothing: it would
// make every report look late until then.
func (j *Journal) isNewer(p *place, moment int64, item itemID) bool {
	return p != nil && p.CurrentTime != nil && p.LastUpdate > moment+clockSlack.Milliseconds() &&
		!j.client.clock.isAhead(p.LastUpdate) && !j.isOwn(p, item)
}

// isOwn reports whether p is a place that was delivered from here, or that is
// under way. The time of p does not tell: the server puts in its own, and a slow
// server accepts a report long after it was made. The place does.
func (j *Journal) isOwn(p *place, item itemID) bool {
	j.lock()
	defer j.unlock()
	if at, ok := j.places[item]; ok && p.at(at) {
		return true
	}
	for _, l := range j.sessions {
		if l.item() != item {
			continue
		}
		if p.at(l.Position) || l.Sent != nil && p.at(l.Sent.Position) || l.Waiting != nil && p.at(l.Waiting.Position) {
			return true
		}
	}
	return false
}
