// Package boltfile reads the files of go.etcd.io/bbolt, in which earlier versions
// kept the journal of listening.
//
// bbolt itself maps the file into memory and trusts its structure: a damaged page
// can end the program. This package reads the file as plain bytes, checks every
// number before it uses it, and passes over what is damaged. It writes nothing.
package boltfile

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
)

// ErrNoBolt: neither of the two heads of the file is whole.
var ErrNoBolt = errors.New("it is not a bbolt file")

// The format (bbolt: internal/common/page.go, meta.go, bucket.go), in the byte
// order of the machine that wrote it. All systems that we build for are
// little-endian.
const (
	magic    = 0xED0CDAED
	version  = 2
	metaSize = 64
	pageHead = 16 // id 8, flags 2, count 2, overflow 4
	element  = 16 // of a branch: pos 4, key size 4, page 8; of a leaf: flags 4, pos 4, key size 4, value size 4

	flagBranch = 0x01
	flagLeaf   = 0x02

	leafBucket = 0x01 // the value is a bucket

	// maxDepth and maxElements end a walk through pages that contain each other.
	maxDepth    = 64
	maxElements = 1 << 20
)

var order = binary.LittleEndian

// Walk calls entry for each key and value, with the names of the buckets around
// it. damaged is how many pages or elements could not be read.
func Walk(file []byte, entry func(buckets []string, key, value []byte)) (damaged int, err error) {
	size, root, err := head(file)
	if err != nil {
		return 0, err
	}
	w := &walk{file: file, size: size, entry: entry, seen: make(map[uint64]bool)}
	w.page(root, nil, 0)
	return w.damaged, nil
}

// head returns the page size and the root page of the newer head that is whole.
func head(file []byte) (size, root uint64, err error) {
	newest, ok := uint64(0), false
	// The second head lies one page further; these are the sizes of systems.
	for _, at := range []int{0, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10} {
		if len(file) < at+pageHead+metaSize {
			break
		}
		meta := file[at+pageHead:][:metaSize]
		sum := fnv.New64a()
		_, _ = sum.Write(meta[:56]) // it cannot fail
		whole := order.Uint32(meta) == magic && order.Uint32(meta[4:]) == version && order.Uint64(meta[56:]) == sum.Sum64()
		pages := uint64(order.Uint32(meta[8:]))
		if !whole || pages < 512 || pages > 64<<10 || at > 0 && uint64(at) != pages {
			continue
		}
		if tx := order.Uint64(meta[48:]); !ok || tx > newest {
			size, root, newest, ok = pages, order.Uint64(meta[16:]), tx, true
		}
	}
	if !ok {
		return 0, 0, ErrNoBolt
	}
	return size, root, nil
}

type walk struct {
	file    []byte
	size    uint64 // of a page
	entry   func(buckets []string, key, value []byte)
	seen    map[uint64]bool // pages, so that a circle ends
	damaged int
	visited int // elements
}

// page reads the page with this number and what lies below it.
func (w *walk) page(number uint64, buckets []string, depth int) {
	pages := uint64(len(w.file)) / w.size
	if depth > maxDepth || w.seen[number] || number < 2 || number >= pages {
		w.damaged++
		return
	}
	w.seen[number] = true
	at := number * w.size
	overflow := uint64(order.Uint32(w.file[at+12:]))
	if order.Uint64(w.file[at:]) != number || overflow >= pages-number {
		w.damaged++
		return
	}
	w.elements(w.file[at:at+(overflow+1)*w.size], buckets, depth)
}

// elements reads the elements of one page.
func (w *walk) elements(page []byte, buckets []string, depth int) {
	flags, count := order.Uint16(page[8:]), int(order.Uint16(page[10:]))
	if flags != flagBranch && flags != flagLeaf || pageHead+count*element > len(page) {
		w.damaged++
		return
	}
	for i := range count {
		if w.visited++; w.visited > maxElements {
			w.damaged++
			return
		}
		at := pageHead + i*element
		e := page[at:][:element]
		if flags == flagBranch {
			w.page(order.Uint64(e[8:]), buckets, depth+1)
			continue
		}
		begin := uint64(at) + uint64(order.Uint32(e[4:]))
		key, value := uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
		if begin+key+value > uint64(len(page)) {
			w.damaged++
			continue
		}
		name := page[begin : begin+key]
		content := page[begin+key : begin+key+value]
		if order.Uint32(e)&leafBucket == 0 {
			w.entry(buckets, name, content)
			continue
		}
		w.bucket(content, append(buckets[:len(buckets):len(buckets)], string(name)), depth+1)
	}
}

// bucket reads a bucket: the number of its root page 8, a sequence 8, and where
// that number is 0 the page itself.
func (w *walk) bucket(value []byte, buckets []string, depth int) {
	switch {
	case len(value) < 16 || depth > maxDepth:
		w.damaged++
	case order.Uint64(value) != 0:
		w.page(order.Uint64(value), buckets, depth)
	case len(value) < 16+pageHead:
		w.damaged++
	default:
		w.elements(value[16:], buckets, depth)
	}
}
