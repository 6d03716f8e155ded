package progress

import (
	"fmt"
	"os"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
)

// sound looks at every page of the file. bbolt believes what it reads: it
// panics at a page that is damaged, and the program dies of one that lies
// beyond the end of a file cut short.
func sound(db *bolt.DB) error {
	at, err := os.Stat(db.Path())
	if err != nil {
		return err
	}
	return guarded(func() error {
		return db.View(func(tx *bolt.Tx) error {
			if size := tx.Size(); size > maxFile || size > at.Size() {
				return fmt.Errorf("%d bytes, where %d are to be", at.Size(), size)
			}
			var first error
			for err := range tx.Check() {
				if first == nil {
					first = err
				}
			}
			return first
		})
	})
}

// maxFile is far more than maxBytes, with the pages that bbolt keeps free and
// what was set aside.
const maxFile = 64 << 20

// guarded turns a panic of bbolt, or a fault in the memory that stands for the
// file, into errDamaged.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}
