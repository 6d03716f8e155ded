package progress

import (
	"fmt"
	"os"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
)

// sound checks every page of the file. bbolt trusts what it reads: it panics at
// a damaged page, and the program dies of a page beyond the end of the file.
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

// guarded calls f and turns its panic, or its fault in mapped memory, into
// errDamaged. It covers the calling goroutine only: a fault in a goroutine that
// bbolt starts, as Check does, still ends the program.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}
