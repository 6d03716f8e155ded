package absfake

import "encoding/binary"

// The segments of a transcode are MPEG transport streams with one AAC track of
// silence, at a constant rate: what the sound does not fill, null packets do.
// ISO/IEC 13818-1, and ADTS of ISO/IEC 14496-3.

const (
	tsPacket = 188

	pidPAT   = 0x0000
	pidSDT   = 0x0011
	pidPMT   = 0x1000
	pidAudio = 0x0100
	pidNull  = 0x1fff

	aacRate    = 48_000
	aacSamples = 1024 // per frame

	// segmentPackets is what six seconds at 128 kbit/s take, tables and headers
	// among it. (Measured: 561 packets.)
	segmentPackets = 561

	// framesPerPES keeps a packet of the elementary stream under a second.
	framesPerPES = 16
)

// silentFrame is one frame of AAC-LC in ADTS: one channel at 48 kHz whose only
// element has no bands at all.
var silentFrame = func() []byte {
	// single_channel_element: id 0, tag 0, global gain 0, window sequence 0, shape
	// 0, max_sfb 0, no prediction, no pulse, no TNS, no gain control; then the end.
	raw := []byte{0x00, 0x00, 0x00, 0x07}
	n := 7 + len(raw)
	return append([]byte{
		0xff, 0xf1, // sync, MPEG-4, no CRC
		0x01<<6 | 3<<2,        // AAC-LC, 48 kHz
		1<<6 | byte(n>>11),    // one channel
		byte(n >> 3),          // length
		byte(n)<<5 | 0x7ff>>6, // buffer fullness: variable
		0xfc,
	}, raw...)
}()

// tsWriter puts payloads into packets.
type tsWriter struct {
	out     []byte
	counter map[uint16]byte
}

// segment is the nth segment of so many seconds.
func segment(n, seconds int) []byte {
	w := &tsWriter{out: make([]byte, 0, segmentPackets*tsPacket), counter: map[uint16]byte{}}
	w.table(pidSDT, serviceTable())
	w.table(pidPAT, section(0x00, 1, []byte{0x00, 0x01, 0xe0 | pidPMT>>8, pidPMT & 0xff}))
	w.table(pidPMT, section(0x02, 1, []byte{
		0xe0 | pidAudio>>8, pidAudio & 0xff, 0xf0, 0x00, // clock in the audio, no descriptors
		0x0f, 0xe0 | pidAudio>>8, pidAudio & 0xff, 0xf0, 0x00, // ADTS AAC
	}))
	first := n * seconds * aacRate / aacSamples
	last := (n + 1) * seconds * aacRate / aacSamples
	for at := first; at < last; at += framesPerPES {
		frames := min(framesPerPES, last-at)
		// 90 kHz; a second ahead, so that the clock may run before the sound
		pts := uint64(at)*aacSamples*90_000/aacRate + 90_000
		w.audio(pts, frames)
	}
	for len(w.out) < segmentPackets*tsPacket {
		w.packet(pidNull, false, nil, make([]byte, tsPacket-4))
	}
	return w.out
}

// table writes a section that fits one packet.
func (w *tsWriter) table(pid uint16, s []byte) {
	payload := append([]byte{0}, s...) // the section begins at once
	for len(payload) < tsPacket-4 {
		payload = append(payload, 0xff)
	}
	w.packet(pid, true, nil, payload)
}

// audio writes a PES packet with frames of silence.
func (w *tsWriter) audio(pts uint64, frames int) {
	length := frames*len(silentFrame) + 8
	pes := []byte{0, 0, 1, 0xc0, byte(length >> 8), byte(length), 0x80, 0x80, 5}
	pes = append(pes, stamp(0x2, pts)...)
	for range frames {
		pes = append(pes, silentFrame...)
	}
	clock := pts - 63_000 // 700 ms before
	for start := true; len(pes) > 0; start = false {
		var field []byte
		if start {
			field = []byte{
				0x50, // a random access point, with a clock
				byte(clock >> 25), byte(clock >> 17), byte(clock >> 9), byte(clock >> 1), byte(clock<<7) | 0x7e, 0,
			}
		}
		room := tsPacket - 4
		if field != nil {
			room -= 1 + len(field)
		}
		if len(pes) < room { // stuffing makes the rest fill the packet
			stuff := room - len(pes)
			if field == nil {
				stuff--
				if stuff > 0 {
					field, stuff = []byte{0}, stuff-1
				} else {
					field = []byte{}
				}
			}
			for range stuff {
				field = append(field, 0xff)
			}
			room = len(pes)
		}
		w.packet(pidAudio, start, field, pes[:room])
		pes = pes[room:]
	}
}

// packet writes one packet; a field that is not nil is its adaptation field.
func (w *tsWriter) packet(pid uint16, start bool, field, payload []byte) {
	head := []byte{0x47, byte(pid >> 8), byte(pid), 0x10 | w.counter[pid]&0x0f}
	if start {
		head[1] |= 0x40
	}
	if pid != pidNull {
		w.counter[pid]++
	}
	if field != nil {
		head[3] |= 0x20
		head = append(append(head, byte(len(field))), field...)
	}
	w.out = append(append(w.out, head...), payload...)
}

// stamp is a time stamp of a PES header.
func stamp(kind byte, t uint64) []byte {
	return []byte{
		kind<<4 | byte(t>>29)&0x0e | 1, byte(t >> 22), byte(t>>14) | 1, byte(t >> 7), byte(t<<1) | 1,
	}
}

// section is a table section with its checksum.
func section(table byte, id uint16, body []byte) []byte {
	length := 5 + len(body) + 4
	s := []byte{table, 0xb0 | byte(length>>8), byte(length), byte(id >> 8), byte(id), 0xc1, 0, 0}
	s = append(s, body...)
	return binary.BigEndian.AppendUint32(s, crc32MPEG(s))
}

// serviceTable names the one service.
func serviceTable() []byte {
	const provider, name = "absfake", "silence"
	d := append([]byte{1, byte(len(provider))}, provider...)
	d = append(append(d, byte(len(name))), name...)
	d = append([]byte{0x48, byte(len(d))}, d...)
	body := append([]byte{0x00, 0x01, 0xff, 0x00, 0x01, 0xfc, 0x80, byte(len(d))}, d...)
	s := section(0x42, 1, body)
	s[1] |= 0x40 // reserved for future use is 1 in this table
	return binary.BigEndian.AppendUint32(s[:len(s)-4], crc32MPEG(s[:len(s)-4]))
}

// crc32MPEG is the checksum of sections: not reflected, not inverted.
func crc32MPEG(b []byte) uint32 {
	crc := uint32(0xffffffff)
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			if crc&0x80000000 != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
