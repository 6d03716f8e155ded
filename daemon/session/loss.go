package session

import (
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
)

// Loss says why the session of a record was last lost, for callers without a
// running session; nil for no loss.
func Loss(entries []history.Entry, peers []history.Peer) *health.Loss {
	if d, ok := history.Diagnose(entries, history.Circumstances{Release: releaseOf, Peers: peers}); ok {
		return shownLoss(d)
	}
	return nil
}

func shownLoss(d history.Diagnosis) *health.Loss {
	return &health.Loss{
		At: health.At(d.At), Cause: string(d.Cause), Certain: d.Certain,
		Sentence: d.Sentence, Remedy: d.Remedy, Recovered: d.Recovered,
	}
}
