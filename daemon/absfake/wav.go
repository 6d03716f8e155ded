package absfake

import (
	"encoding/binary"
	"io"
	"sync"
)

// The sample audio is stereo PCM, 16 bits, 32 kHz.
const (
	sampleRate  = 32_000
	frameBytes  = 4
	bytesPerSec = sampleRate * frameBytes
	wavHeader   = 44

	noteFrames   = sampleRate * 2 / 5
	phraseNotes  = 8
	phraseFrames = noteFrames * phraseNotes

	// stampBlock is how far apart the places are at which the bytes tell where
	// in which file they lie; see stamp.
	stampBlock = 1024
	stampBits  = 48
)

// phrases are arpeggios in millihertz, one for each of the sample files in
// turn: quiet, and different enough to be told apart by ear.
var phrases = [][phraseNotes]uint64{
	{261_626, 329_628, 391_995, 523_251, 493_883, 391_995, 329_628, 293_665}, // C
	{220_000, 261_626, 329_628, 440_000, 391_995, 329_628, 261_626, 246_942}, // A minor
	{174_614, 220_000, 261_626, 349_228, 329_628, 261_626, 220_000, 195_998}, // F
	{195_998, 246_942, 293_665, 391_995, 369_994, 293_665, 246_942, 220_000}, // G
}

// tone is the samples of a WAV file, made when they are read. Its bytes are the
// same on every machine: only integers are used, since floating point may be
// fused differently on another processor.
type tone struct {
	size   int64
	id     uint16
	header [wavHeader]byte
	phrase func() []byte
}

var phraseOnce = func() []func() []byte {
	var out []func() []byte
	for _, notes := range phrases {
		out = append(out, sync.OnceValue(func() []byte { return render(notes) }))
	}
	return out
}()

func newTone(id uint16, size int64) *tone {
	t := &tone{size: size, id: id, phrase: phraseOnce[int(id)%len(phraseOnce)]}
	data := (size - wavHeader) / frameBytes * frameBytes
	le := binary.LittleEndian
	copy(t.header[0:], "RIFF")
	le.PutUint32(t.header[4:], uint32(size-8))
	copy(t.header[8:], "WAVEfmt ")
	le.PutUint32(t.header[16:], 16)
	le.PutUint16(t.header[20:], 1) // PCM
	le.PutUint16(t.header[22:], 2)
	le.PutUint32(t.header[24:], sampleRate)
	le.PutUint32(t.header[28:], bytesPerSec)
	le.PutUint16(t.header[32:], frameBytes)
	le.PutUint16(t.header[34:], 16)
	copy(t.header[36:], "data")
	le.PutUint32(t.header[40:], uint32(data))
	return t
}

// render plays a phrase once: each note swells and dies away, so that the end
// joins the beginning without a click.
func render(notes [phraseNotes]uint64) []byte {
	out := make([]byte, phraseFrames*frameBytes)
	bass := increment(notes[0] / 2)
	for n, note := range notes {
		step := increment(note)
		for i := range uint64(noteFrames) {
			at := uint64(n*noteFrames) + i
			v := wave(step*uint32(i)) * envelope(i, noteFrames) >> 16
			b := wave(bass*uint32(at)) * envelope(at, phraseFrames) >> 16
			left, right := v*3/32+b/32, v*2/32+b*2/32
			p := out[at*frameBytes:]
			binary.LittleEndian.PutUint16(p[0:], uint16(int16(left)))
			binary.LittleEndian.PutUint16(p[2:], uint16(int16(right)))
		}
	}
	return out
}

// increment is how far a tone of so many millihertz turns in one sample.
func increment(millihertz uint64) uint32 {
	return uint32(millihertz << 32 / (sampleRate * 1000))
}

// wave is a sine made of two parabolas, between -32768 and 32767.
func wave(phase uint32) int64 {
	x := int64(phase&0x7fffffff) >> 15 // 0 to 65535 over half a turn
	y := x * (65536 - x) >> 15         // 0 to 32768
	if phase&0x80000000 != 0 {
		return -y
	}
	return min(y, 32767)
}

// envelope rises for a fortieth of the length, then falls like a plucked string.
func envelope(i, length uint64) int64 {
	if rise := length / 40; i < rise {
		return int64(i * 65536 / rise)
	}
	left := (length - i) * 65536 / length
	return int64(left * left >> 16)
}

// ReadAt gives the file's bytes at off.
func (t *tone) ReadAt(p []byte, off int64) (int, error) {
	if off >= t.size {
		return 0, io.EOF
	}
	var err error
	if int64(len(p)) > t.size-off {
		p, err = p[:t.size-off], io.EOF
	}
	n := 0
	if off < wavHeader {
		n = copy(p, t.header[off:])
	}
	phrase := t.phrase()
	from := off + int64(n) - wavHeader // within the data
	at := from % int64(len(phrase))
	for rest := p[n:]; len(rest) > 0; at = 0 {
		m := copy(rest, phrase[at:])
		rest = rest[m:]
	}
	t.stamp(p[n:], from)
	return len(p), err
}

// stamp writes, into the lowest bits of some samples, the number of the block
// and of the file. It cannot be heard, and bytes that come from a wrong place
// or file never look right.
func (t *tone) stamp(p []byte, from int64) {
	for block := from / stampBlock; block*stampBlock < from+int64(len(p)); block++ {
		mark := uint64(block)<<16 | uint64(t.id)
		for bit := range int64(stampBits) {
			at := block*stampBlock + bit*2 - from
			if at < 0 || at >= int64(len(p)) {
				continue
			}
			p[at] = p[at]&^1 | byte(mark>>bit&1)
		}
	}
}
