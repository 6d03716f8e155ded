package upstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

// arrivals is a source whose bytes come in pieces. Nobody who does not wait gets any of the
// next piece.
type arrivals struct {
	t      *testing.T
	pieces [][]byte
	end    error
	ended  bool
}

func (a *arrivals) read(b, next []byte, wait bool) (n int, err error) {
	if len(b) == 0 {
		a.t.Fatal("nothing is asked for")
	}
	for wait && len(a.pieces) > 0 && len(a.pieces[0]) == 0 {
		a.pieces = a.pieces[1:]
	}
	if len(a.pieces) == 0 {
		if a.ended && !errors.Is(a.end, os.ErrDeadlineExceeded) && !errors.Is(a.end, io.EOF) {
			a.t.Fatal("read after an error, which a socket tells once")
		}
		a.ended = true
		return 0, a.end
	}
	for _, into := range [][]byte{b, next} {
		m := copy(into, a.pieces[0])
		n, a.pieces[0] = n+m, a.pieces[0][m:]
	}
	return n, nil
}

// record is a TLS record with n bytes.
func record(kind byte, n int) []byte {
	r := make([]byte, recordHead+n)
	r[0], r[1], r[2] = kind, 3, 3
	binary.BigEndian.PutUint16(r[3:], uint16(n))
	for i := range r[recordHead:] {
		r[recordHead+i] = byte(i)
	}
	return r
}

// readRecords reads all with buffers of these sizes, one after the other, and returns what
// came, where each Read ended, and the error.
func readRecords(r *records, sizes []byte) (all []byte, ends []int, err error) {
	for i := 0; ; i++ {
		size := 1 + int(sizes[i%len(sizes)])*70
		b := make([]byte, size)
		n, err := r.Read(b)
		if all = append(all, b[:n]...); n > 0 {
			ends = append(ends, len(all))
		}
		if err != nil {
			return all, ends, err
		}
		if n == 0 {
			return all, ends, io.ErrNoProgress
		}
	}
}

// cutAt cuts b into pieces of these lengths, one after the other.
func cutAt(b, lengths []byte) (pieces [][]byte) {
	for i := 0; len(b) > 0; i++ {
		n := min(len(b), 1+int(lengths[i%len(lengths)])*int(lengths[i%len(lengths)]))
		pieces = append(pieces, bytes.Clone(b[:n]))
		b = b[n:]
	}
	return pieces
}

// Whatever comes, and however it is cut, the same bytes and the same error come out.
func FuzzRecords(f *testing.F) {
	f.Add(append(record(23, 300), record(21, 2)...), []byte{3}, []byte{200}, uint8(0))
	f.Add(append(record(22, 0), record(23, 16401)...), []byte{255, 1, 2}, []byte{0, 255}, uint8(1))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), []byte{1}, []byte{1}, uint8(2))
	f.Add(append(record(23, 16401), append(record(23, 9000), record(23, 16401)...)...), []byte{255, 2}, []byte{255}, uint8(128))
	f.Fuzz(func(t *testing.T, stream, cuts, sizes []byte, end uint8) {
		if len(cuts) == 0 || len(sizes) == 0 || len(stream) > 1<<17 {
			return
		}
		want := []error{io.EOF, errors.New("reset"), os.ErrDeadlineExceeded}[end%3]
		r := &records{src: &arrivals{t: t, pieces: cutAt(stream, cuts), end: want}, fetches: end > 127}
		all, _, err := readRecords(r, sizes)
		if !bytes.Equal(all, stream) || err != want {
			t.Fatalf("%d of %d bytes, %v", len(all), len(stream), err)
		}
		if r.many != nil {
			t.Fatal("memory is kept")
		}
	})
}

// No Read goes beyond a record, but for an alert. So no beginning of another record is left
// in the buffer of crypto/tls.
func TestReadEndsWithItsRecord(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func(most int) []byte {
		b := make([]byte, 1+random.IntN(most))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	for i := range 1000 {
		var stream []byte
		var ends []int // of records that no alert follows
		for range 1 + random.IntN(8) {
			kind := []byte{20, 22, 23, 23, alertRecord}[random.IntN(5)]
			if kind == alertRecord && len(ends) > 0 {
				ends = ends[:len(ends)-1]
			}
			stream = append(stream, record(kind, random.IntN(4)*random.IntN(5600))...)
			ends = append(ends, len(stream))
		}
		r := &records{src: &arrivals{t: t, pieces: cutAt(stream, some(5)), end: io.EOF}, fetches: i%2 == 0}
		all, reads, err := readRecords(r, some(5))
		if !bytes.Equal(all, stream) || err != io.EOF {
			t.Fatalf("%d of %d bytes, %v", len(all), len(stream), err)
		}
		for len(ends) > 0 {
			for len(reads) > 0 && reads[0] < ends[0] {
				reads = reads[1:]
			}
			if len(reads) == 0 || reads[0] != ends[0] {
				t.Fatalf("no Read ends at %d, with the record", ends[0])
			}
			ends = ends[1:]
		}
	}
}

// A record and the head of the next one take one read of the socket, when both are there.
func TestRecordTakesOneRead(t *testing.T) {
	var stream []byte
	for range 50 {
		stream = append(stream, record(23, 16401)...)
	}
	a := &arrivals{t: t, pieces: [][]byte{stream}, end: io.EOF}
	calls := 0
	r := &records{src: countedReads{a, &calls}}
	b := make([]byte, 18<<10)
	for i := range 50 {
		if n, err := r.Read(b); n != recordHead+16401 || err != nil {
			t.Fatal(i, n, err)
		}
		if next, _ := r.next(); i < 49 && next != 16401 {
			t.Fatalf("the next record has %d bytes", next)
		}
	}
	if calls > 51 {
		t.Errorf("%d reads for 50 records", calls)
	}
}

// Of a body that is fetched several records take one read.
func TestRecordsOfAFetchedBodyTakeOneRead(t *testing.T) {
	var stream []byte
	for range 50 {
		stream = append(stream, record(23, 16401)...)
	}
	calls := 0
	r := &records{src: countedReads{&arrivals{t: t, pieces: [][]byte{stream}, end: io.EOF}, &calls}, fetches: true}
	b := make([]byte, 18<<10)
	for i := range 50 {
		if n, err := r.Read(b); n != recordHead+16401 || err != nil || !bytes.Equal(b[:n], stream[i*n:(i+1)*n]) {
			t.Fatal(i, n, err)
		}
	}
	if calls > 13 {
		t.Errorf("%d reads for 50 records", calls)
	}
}

type countedReads struct {
	recordSource
	calls *int
}

func (c countedReads) read(b, next []byte, wait bool) (int, error) {
	*c.calls++
	return c.recordSource.read(b, next, wait)
}
