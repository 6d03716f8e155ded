package control

import (
	"encoding/json"
	"net/http"
)

// stream sends the snapshot as a line of JSON, now and at each change, until
// the client goes away or the server closes.
//
// While a client does not read, only this handler waits, in a write without a
// deadline: a suspended tray finds the newest snapshot when it wakes. All
// changes in between become one, since the snapshot is taken when it can be
// written. While nothing changes nothing runs: no timer, no heartbeat, which a
// unix socket does not need to notice a dead peer.
func stream(w http.ResponseWriter, r *http.Request, d Observed) {
	w.Header().Set("Content-Type", lineType)
	rc := http.NewResponseController(w)
	enc := json.NewEncoder(w)
	for {
		changed := d.Changed() // before the snapshot, so that no change falls between
		if enc.Encode(d.Snapshot()) != nil || rc.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
