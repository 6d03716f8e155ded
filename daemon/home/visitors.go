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

// errNewerVisitors: a newer version wrote the list. It is left alone.
var errNewerVisitors = errors.New("the list was written by a newer version of Shelfkeeper: start that version; it was left as it is")

// visitorsFile is the content of the file. The first format named no version, and was
// the list alone.
type visitorsFile struct {
	Version  int             `json:"version"`
	Programs []visitorRecord `json:"programs"`
}

const visitorsVersion = 1

// readVisitors returns none without a file.
func readVisitors(path string) ([]visitorRecord, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > maxVisitorsFile {
		err = fmt.Errorf("it has %d bytes", info.Size())
	}
	if err != nil {
		return nil, err
	}
	data, err := durable.Read(path)
	if err != nil {
		return nil, err
	}
	var first []visitorRecord
	if json.Unmarshal(data, &first) == nil {
		return first, nil
	}
	var head struct {
		Version int `json:"version"`
	}
	if json.Unmarshal(data, &head) == nil && head.Version > visitorsVersion {
		return nil, fmt.Errorf("%w (format %d, this one knows %d)", errNewerVisitors, head.Version, visitorsVersion)
	}
	var file visitorsFile
	err = json.Unmarshal(data, &file)
	return file.Programs, err
}

// Visitors are the programs that came to an account in the last days. What cannot
// be read is none: the list is for people to look at.
func (h *Home) Visitors(account string) []proxy.Visitor {
	records, err := readVisitors(h.visitorsPath(account))
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
// gone, or a newer version has written the list: Visitors has told the log.
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
	if _, err := readVisitors(path); errors.Is(err, errNewerVisitors) {
		return
	}
	data, err := json.Marshal(visitorsFile{visitorsVersion, records})
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
