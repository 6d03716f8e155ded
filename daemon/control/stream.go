package control

import (
	"encoding/json"
	"net/http"
)

// stream sends the snapshot as a line of JSON, now and at each change, until the
// client goes away or the server closes.
//
// While a client does not read, only this handler waits, in a write without a
// deadline. A suspended tray thus gets the newest snapshot when it wakes: the
// snapshot is taken when it can be written, so that several changes become one.
// While nothing changes, no timer runs. A unix socket needs no heartbeat to notice
// a dead peer.
func stream(w http.ResponseWriter, r *http.Request, d Observed) {
	w.Header().Set("Content-Type", lineType)
	rc := http.NewResponseController(w)
	enc := json.NewEncoder(w)
	for {
		changed := d.Changed() // before the snapshot, so that no change is missed
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
