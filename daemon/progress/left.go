package progress

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"shelfkeeper/daemon/durable"
)

const (
	// leftVersion is the version of the files that Leave writes.
	leftVersion = 1
	// maxLeft bounds the reports that are left, and maxLeftSize each of them.
	maxLeft, maxLeftSize = 32, 64 << 10

	leftBegin, leftEnding = "left-", ".json"
)

// ErrManyLeft: so many reports were left already that no more are kept.
var ErrManyLeft = errors.New("too many reports of listening wait for Shelfkeeper to run")

// Left is what was heard while nothing could take a report. It is a session of its own, as
// a player has it that was away from the server. The server takes its place only where it
// knows of nothing newer.
type Left struct {
	User    string                     // who listened, as the server names him
	About   map[string]json.RawMessage // the item, as the server tells it of a session
	Place   float64                    // seconds
	Heard   time.Duration
	HeardAt time.Time // the last moment of it
}

// leftFile is the content of a file.
type leftFile struct {
	Version int             `json:"version"`
	User    string          `json:"user"`
	Session json.RawMessage `json:"session"`
}

// Leave keeps what was heard in the folder of a journal, whose next Start takes it in. It
// is for a process that no daemon answers.
func Leave(dir string, l Left) error {
	session := make(map[string]any, len(l.About)+8)
	for name, value := range l.About {
		session[name] = value
	}
	var random [16]byte
	rand.Read(random[:])                                            // never fails (crypto/rand)
	random[6], random[8] = random[6]&0x0f|0x40, random[8]&0x3f|0x80 // an UUID, version 4
	id := fmt.Sprintf("%x-%x-%x-%x-%x", random[:4], random[4:6], random[6:8], random[8:10], random[10:])
	session["id"], session["userId"] = id, l.User
	session["currentTime"], session["timeListening"] = l.Place, l.Heard.Seconds()
	session["startTime"] = max(0, l.Place-l.Heard.Seconds())
	session["startedAt"], session["updatedAt"] = l.HeardAt.Add(-l.Heard).UnixMilli(), l.HeardAt.UnixMilli()
	session["date"], session["dayOfWeek"] = l.HeardAt.Format(time.DateOnly), l.HeardAt.Weekday().String()
	raw, err := json.Marshal(session)
	if err != nil {
		return err
	}
	if _, ok := offlineOf(raw, "", l.HeardAt); !ok || l.User == "" || len(raw) > maxLeftSize {
		return fmt.Errorf("%w: %d bytes that may name no item", ErrNotOurs, len(raw))
	}
	content, err := json.Marshal(leftFile{Version: leftVersion, User: l.User, Session: raw})
	if err != nil {
		return err
	}
	there, err := leftIn(dir)
	if err != nil {
		return err
	}
	if len(there) >= maxLeft {
		return ErrManyLeft
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, leftBegin+id+leftEnding), content, 0o600)
}

// leftIn returns the paths of what was left in a folder.
func leftIn(dir string) (paths []string, err error) {
	all, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range all {
		if strings.HasPrefix(e.Name(), leftBegin) && strings.HasSuffix(e.Name(), leftEnding) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// takeLeft takes in what was left of this user. A file goes once its report is durable
// here. Taken a second time, after a crash in between, it is the same session.
func (j *Journal) takeLeft() {
	paths, err := leftIn(j.cfg.Dir)
	if err != nil {
		j.log.Warn("look for reports that were left", "reason", err)
		return
	}
	for _, path := range paths[:min(len(paths), 2*maxLeft)] { // more are none of ours
		o, err := readLeft(path, j.cfg.UserID)
		if o != nil {
			if err = j.keepOffline("", nil, nil, o); err == nil {
				err = durable.Remove(path)
			}
		}
		if err != nil {
			j.log.Warn("a report that was left is not taken in", "path", path, "reason", err)
		}
	}
}

// readLeft reads what was left. It returns nil for another user's.
func readLeft(path, user string) (*offline, error) {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || info.Size() > 2*maxLeftSize {
		return nil, errors.Join(err, errors.New("it is no file of ours"))
	}
	raw, err := durable.Read(path)
	if err != nil {
		return nil, err
	}
	var file leftFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	switch {
	case file.Version != leftVersion:
		return nil, fmt.Errorf("it has version %d, this program knows %d", file.Version, leftVersion)
	case file.User != user:
		return nil, nil
	}
	o, ok := offlineOf(file.Session, leftAgent, time.Now())
	if !ok {
		return nil, errors.New("it names no item")
	}
	return o, nil
}

// leftAgent is what the server records as the program that reported.
const leftAgent = "shelfkeeper-play"
