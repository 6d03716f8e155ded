package absfake

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSegmentsAreTransportStreams(t *testing.T) {
	var clock, stamp uint64
	for n := range 3 {
		b := segment(n, segmentSeconds)
		if len(b) != segmentPackets*tsPacket {
			t.Fatalf("segment %d has %d bytes", n, len(b))
		}
		counters, frames, tables := map[uint16]byte{}, 0, map[uint16]int{}
		var elementary []byte
		for at := 0; at < len(b); at += tsPacket {
			p := b[at : at+tsPacket]
			if p[0] != 0x47 {
				t.Fatalf("no sync at %d", at)
			}
			pid := uint16(p[1]&0x1f)<<8 | uint16(p[2])
			if pid == pidNull {
				continue
			}
			if want, seen := counters[pid]; seen && p[3]&0x0f != want {
				t.Fatalf("segment %d: packet %d of %#x has the counter %d, want %d", n, at/tsPacket, pid, p[3]&0x0f, want)
			}
			counters[pid] = (p[3] + 1) & 0x0f
			payload := p[4:]
			if p[3]&0x20 != 0 {
				field := payload[1 : 1+payload[0]]
				if len(field) > 6 && field[0]&0x10 != 0 {
					now := uint64(field[1])<<25 | uint64(field[2])<<17 | uint64(field[3])<<9 | uint64(field[4])<<1 | uint64(field[5])>>7
					if now <= clock && clock != 0 {
						t.Fatalf("the clock goes from %d to %d", clock, now)
					}
					clock = now
				}
				payload = payload[1+payload[0]:]
			}
			switch pid {
			case pidAudio:
				if p[1]&0x40 != 0 {
					h := payload[9:14]
					now := uint64(h[0]>>1&7)<<30 | uint64(h[1])<<22 | uint64(h[2]>>1)<<15 | uint64(h[3])<<7 | uint64(h[4]>>1)
					if now <= stamp && stamp != 0 {
						t.Fatalf("time stamps go from %d to %d", stamp, now)
					}
					stamp, payload = now, payload[14:]
				}
				elementary = append(elementary, payload...)
			default:
				length := int(payload[2]&0x0f)<<8 | int(payload[3])
				if crc32MPEG(payload[1:1+3+length]) != 0 {
					t.Errorf("the checksum of table %#x is wrong", pid)
				}
				tables[pid]++
			}
		}
		for len(elementary) > 0 {
			if elementary[0] != 0xff || elementary[1] != 0xf1 {
				t.Fatalf("segment %d: frame %d begins with %x", n, frames, elementary[:2])
			}
			length := int(elementary[3]&3)<<11 | int(elementary[4])<<3 | int(elementary[5])>>5
			elementary = elementary[length:]
			frames++
		}
		if frames < 281 || frames > 282 || tables[pidPAT] != 1 || tables[pidPMT] != 1 {
			t.Errorf("segment %d: %d frames, tables %v", n, frames, tables)
		}
	}
}

func TestTranscodeNeedsNoTokenAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Release: R2263})
		token := w.login().access
		item := w.s.Library().Tracks()
		id, _ := w.do("POST", "/api/items/"+item.ID+"/play", m{"forceTranscode": true}, "Authorization",
			"Bearer "+token).json(t)["id"].(string)
		at := "/hls/" + id + "/"
		list := w.do("GET", at+"output.m3u8", nil)
		if list.status != 200 || strings.Count(list.body, "output-") != 100 ||
			!strings.Contains(list.body, "output-99.ts?token="+w.demoToken()) {
			t.Errorf("the playlist: %d %.200q", list.status, list.body)
		}
		if r := w.do("GET", at+"output-0.ts", nil); r.status != 404 {
			t.Errorf("the first segment at once: %d", r.status)
		}
		time.Sleep(firstSegment)
		if r := w.do("GET", at+"output-0.ts", nil); r.status != 200 || r.header.Get("Content-Type") != "video/mp2t" {
			t.Errorf("the first segment: %d", r.status)
		}
		if r := w.do("GET", at+"output-99.ts", nil); r.status != 404 {
			t.Errorf("the last segment at the same time: %d", r.status)
		}
		time.Sleep(time.Second)
		for n, status := range map[string]int{"output-99.ts": 200, "output-100.ts": 404, "output-x.ts": 404, "x.mp3": 400,
			"other.m3u8": 404} {
			if r := w.do("GET", at+n, nil); r.status != status {
				t.Errorf("%s: %d, want %d", n, r.status, status)
			}
		}
		w.s.Restart()
		if r := w.do("GET", at+"output.m3u8", nil); r.status != 404 {
			t.Errorf("after a restart: %d", r.status)
		}
	})
}

func (w *world) demoToken() string {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.s.users[0].legacy
}

func TestItemAsZip(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.login().access
	item := w.s.Library().Items[3]
	r := w.do("GET", "/api/items/"+item.ID+"/download", nil, "Authorization", "Bearer "+token)
	if r.status != 200 || r.header.Get("Content-Length") != "" || r.header.Get("Content-Type") != "application/zip" {
		t.Fatalf("%d %v", r.status, r.header)
	}
	z, err := zip.NewReader(strings.NewReader(r.body), int64(len(r.body)))
	if err != nil || len(z.File) != len(item.Files) {
		t.Fatalf("%v, %d files", err, len(z.File))
	}
	for n, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		want, err2 := io.ReadAll(item.Files[n].Reader())
		if err != nil || err2 != nil || !bytes.Equal(got, want) || f.Name != item.Files[n].Name {
			t.Errorf("%s: %d bytes, %v", f.Name, len(got), err)
		}
	}
}

func TestFeedNeedsNoToken(t *testing.T) {
	w := newWorld(t, Config{BasePath: "/abs"})
	token := w.login().access
	item := w.s.Library().Tracks()
	open := func(slug string) reply {
		return w.do("POST", "/api/feeds/item/"+item.ID+"/open", m{"serverAddress": "http://abs.test", "slug": slug}, "Authorization",
			"Bearer "+token)
	}
	r := open("tide")
	made, _ := r.json(t)["feed"].(map[string]any)
	if r.status != 200 || made["feedUrl"] != "/feed/tide" {
		t.Fatalf("%d %q", r.status, r.body)
	}
	if r := open("tide"); r.status != 400 || r.body != "Slug already in use" {
		t.Errorf("again: %d %q", r.status, r.body)
	}
	r = w.do("GET", "/feed/tide", nil)
	var rss struct {
		Title string `xml:"channel>title"`
		Items []struct {
			Enclosure struct {
				URL    string `xml:"url,attr"`
				Length int64  `xml:"length,attr"`
			} `xml:"enclosure"`
		} `xml:"channel>item"`
	}
	if err := xml.Unmarshal([]byte(r.body), &rss); err != nil || rss.Title != item.Title || len(rss.Items) != len(item.Files) {
		t.Fatalf("%v: %.300s", err, r.body)
	}
	at, ok := strings.CutPrefix(rss.Items[1].Enclosure.URL, "http://abs.test")
	if r := w.do("GET", at, nil, "Range", "bytes=0-9"); !ok || r.status != 206 ||
		r.header.Get("Content-Range") != fmt.Sprintf("bytes 0-9/%d", rss.Items[1].Enclosure.Length) {
		t.Errorf("%s: %d %v", at, r.status, r.header)
	}
	if r := w.do("POST", "/api/feeds/"+made["id"].(string)+"/close", nil, "Authorization", "Bearer "+token); r.status != 200 {
		t.Errorf("close: %d", r.status)
	}
	if r := w.do("GET", "/feed/tide", nil); r.status != 404 {
		t.Errorf("after the end: %d", r.status)
	}
}
