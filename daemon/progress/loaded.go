package progress

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"
)

// loaded is what lies in the file for the store's user.
type loaded struct {
	sessions []*listening
	changes  []*change
	offline  []*offline
	aside    int
	why      string
	others   int
}

func (s *store) read(tx *bolt.Tx, f *loaded) error {
	return tx.ForEach(func(name []byte, user *bolt.Bucket) error {
		own := string(name) == s.user
		for _, bucket := range []string{bucketSessions, bucketChanges, bucketOffline, bucketAside} {
			b := user.Bucket([]byte(bucket))
			if b == nil {
				continue
			}
			if err := b.ForEach(func(k, v []byte) error {
				if !own {
					return f.addOther(bucket, v)
				}
				if bucket != bucketAside {
					s.count(bucket, k, len(v))
				}
				return f.add(bucket, v)
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *loaded) add(bucket string, v []byte) error {
	switch bucket {
	case bucketSessions:
		l := new(listening)
		f.sessions = append(f.sessions, l)
		return decode(v, l)
	case bucketChanges:
		c := new(change)
		f.changes = append(f.changes, c)
		return decode(v, c)
	case bucketOffline:
		o := new(offline)
		f.offline = append(f.offline, o)
		return decode(v, o)
	}
	var a setAsideEntry
	f.aside++
	err := decode(v, &a)
	f.why = a.Why
	return err
}

func (f *loaded) addOther(bucket string, v []byte) error {
	switch bucket {
	case bucketSessions:
		var l listening
		if err := decode(v, &l); err != nil {
			return err
		}
		f.others += l.count()
	case bucketChanges, bucketOffline:
		f.others++
	}
	return nil
}

// Values carry a checksum of their own: bbolt has none for them, and a number
// of seconds with one bit changed would be believed.
func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)), b...), nil
}

func decode(b []byte, v any) error {
	if len(b) < 4 || binary.BigEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return errDamaged
	}
	return json.Unmarshal(b[4:], v)
}

func seqKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
