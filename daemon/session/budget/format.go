package budget

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ErrNewer: a newer version of the program has written the file. It is left as it is,
// and nothing is asked of a server meanwhile, since nothing could be counted.
var ErrNewer = errors.New("written by a newer version of Shelfkeeper")

// bookVersion is the format of the file. The first one named none, and is otherwise
// the same.
const bookVersion = 1

// book is the content of the file.
type book struct {
	Version int       `json:"version"`
	Servers []*server `json:"servers"`
	Set     reading   `json:"clock"` // when the moments in it were last right
}

const (
	maxServers = 64
	maxIDs     = 32
)

// decodeBook returns ErrNewer. A damaged count is no error: the careful assumption
// replaces it.
func decodeBook(data []byte) (*book, error) {
	var head struct {
		Version int `json:"version"`
	}
	if json.Unmarshal(data, &head) == nil && head.Version > bookVersion {
		return nil, fmt.Errorf("%w (format %d, this one knows %d): start that version; the file was left as it is",
			ErrNewer, head.Version, bookVersion)
	}
	b := &book{}
	if json.Unmarshal(data, b) != nil {
		return &book{}, nil
	}
	b.Servers = slices.DeleteFunc(b.Servers, func(s *server) bool { return s == nil })
	for _, s := range b.Servers {
		s.Limit, s.Window = max(0, s.Limit), min(max(0, s.Window), mostBlocked)
		if s.Blocked.Sub(s.Said) > mostBlocked {
			s.Blocked = s.Said.Add(mostBlocked)
		}
		sortTimes(s.Spent)
	}
	return b, nil
}

func encodeBook(b *book) ([]byte, error) {
	b.Version = bookVersion
	return json.Marshal(b)
}
