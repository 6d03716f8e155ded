package recordlog

import (
	"errors"
	"io"
	"iter"
	"os"
	"runtime"

	"shelfkeeper/daemon/durable"
)

// Append adds records, which are durable when it returns nil. On an error none
// of them counts, and the log must be rewritten.
func (l *Log) Append(records ...[]byte) error { return l.append(true, records) }

// AppendLater is Append for records that a power cut may cost: they are durable
// with the next Append. The end of the process alone costs nothing.
func (l *Log) AppendLater(records ...[]byte) error { return l.append(false, records) }

func (l *Log) append(sync bool, records [][]byte) (err error) {
	if l.stale {
		return errors.New("the log must be written anew")
	}
	if err := l.reached(Before); err != nil {
		return err
	}
	var out []byte
	for _, r := range records {
		out = appendLine(out, r)
	}
	ended := false // the process did, in a test
	defer func() {
		if err == nil || ended {
			return
		}
		// The bytes that arrived are taken back. After a failed sync nobody
		// knows what is on disk, so the file is written anew in any case.
		l.stale = true
		if cut := l.file.Truncate(l.size); cut != nil {
			err = errors.Join(err, cut)
		}
	}()
	half := len(out) / 2
	for i, part := range [][]byte{out[:half], out[half:]} {
		if _, err := l.file.WriteAt(part, l.size+int64(i*half)); err != nil {
			return err
		}
		if err := l.reached([]Step{Half, Whole}[i]); err != nil {
			ended = true
			return err
		}
	}
	if sync && !l.NoSync {
		if err := l.file.Sync(); err != nil {
			return err
		}
	}
	l.size += int64(len(out))
	l.records += len(records)
	if sync {
		l.writeLength()
	}
	_ = l.reached(Synced) // it is durable, whatever comes
	return nil
}

// Rewrite replaces the file by one with these records alone. On an error the
// file is as it was.
func (l *Log) Rewrite(records iter.Seq2[[]byte, error]) error {
	if err := l.reached(Before); err != nil {
		return err
	}
	if runtime.GOOS == "windows" && l.file != nil {
		// Windows replaces no file that is open.
		err := l.file.Close()
		l.file, l.stale = nil, true
		if err != nil {
			return err
		}
	}
	var size int64
	id, n := newID(), 0
	err := durable.Write(l.path, 0o600, func(w io.Writer) error {
		buffer := appendLine(make([]byte, 0, 64<<10), markOf(id))
		flush := func() error {
			n, err := w.Write(buffer)
			size += int64(n)
			buffer = buffer[:0]
			return err
		}
		for r, err := range records {
			if err != nil {
				return err
			}
			buffer = appendLine(buffer, r)
			n++
			if len(buffer) > 48<<10 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := flush(); err != nil {
			return err
		}
		return l.reached(Half)
	})
	if err != nil {
		return err
	}
	file, err := os.OpenFile(l.path, os.O_RDWR, 0)
	if err != nil {
		l.stale = true
		return err
	}
	if l.file != nil {
		_ = l.file.Close() // the old file, which has no name any more
	}
	l.file, l.size, l.stale = file, size, false
	l.id, l.records = id, n
	l.writeLength()
	_ = l.reached(Synced)
	return nil
}
