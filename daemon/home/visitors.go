package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/redact"
)

const (
	// visitorsKept is how long a program is remembered that does not come again.
	visitorsKept = 14 * 24 * time.Hour
	// maxVisitorsFile is far above what the proxy remembers.
	maxVisitorsFile = 256 << 10
)

// visitorRecord is a program in the file.
type visitorRecord struct {
	Program  string    `json:"program"`
	Agent    string    `json:"agent"`
	Grant    string    `json:"grant,omitempty"`
	Scope    string    `json:"scope"`
	Requests uint64    `json:"requests"`
	Last     time.Time `json:"last"`
}

func (h *Home) visitorsPath(account string) string {
	return filepath.Join(h.Paths.State, "visitors", account+".json")
}

// Visitors are the programs that came to an account in the last days. What cannot
// be read is none: the list is for people to look at.
func (h *Home) Visitors(account string) []proxy.Visitor {
	path := h.visitorsPath(account)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var records []visitorRecord
	if err == nil && info.Size() > maxVisitorsFile {
		err = fmt.Errorf("it has %d bytes", info.Size())
	}
	if err == nil {
		var data []byte
		if data, err = durable.Read(path); err == nil {
			err = json.Unmarshal(data, &records)
		}
	}
	if err != nil {
		h.Log.Warn("which programs came before is not known", "account", account, "reason", err)
		return nil
	}
	var list []proxy.Visitor
	for _, r := range records {
		scope, err := players.ParseScope(r.Scope)
		if err != nil || time.Since(r.Last) > visitorsKept {
			continue
		}
		list = append(list, proxy.Visitor{Program: r.Program, Agent: r.Agent, Grant: r.Grant, Scope: scope, Requests: r.Requests, Last: r.Last})
	}
	return list
}

// KeepVisitors writes the programs that came to an account down, unless it is
// gone.
func (h *Home) KeepVisitors(account string, list []proxy.Visitor) {
	if _, ok := h.Book.Get(account); !ok {
		return
	}
	records := make([]visitorRecord, 0, len(list))
	for _, v := range list {
		records = append(records, visitorRecord{Program: redact.Text(v.Program), Agent: redact.Text(v.Agent), Grant: v.Grant,
			Scope: string(v.Scope), Requests: v.Requests, Last: v.Last.UTC().Truncate(time.Second)})
	}
	path := h.visitorsPath(account)
	data, err := json.Marshal(records)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = durable.WriteFile(path, data, 0o600)
	}
	if err != nil {
		h.Log.Warn("which programs came is not written down", "account", account, "reason", err)
	}
}

// forgetVisitors drops the list of an account that is gone.
func (h *Home) forgetVisitors(account string) {
	if err := durable.Remove(h.visitorsPath(account)); err != nil {
		h.Log.Warn("which programs came is not forgotten", "account", account, "reason", err)
	}
}
