package survival

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
)

// The day is played in full: what the user does and what the session does, in the
// order of the clock, and the picture of it is well-formed.
func TestDayInTheLife(t *testing.T) {
	for _, account := range Accounts {
		d, err := PlayDay(t, absfake.R2332, account)
		if err != nil {
			t.Fatal(err)
		}
		lanes := map[string]int{}
		for i, m := range d.Moments {
			if lanes[m.Lane]++; i > 0 && m.At < d.Moments[i-1].At {
				t.Errorf("%s: %+v after %+v", account, m, d.Moments[i-1])
			}
			if m.Lane == laneRequests && strings.Contains(m.Text, "waited 0 ms") {
				t.Errorf("%s: nothing was served: %s", account, m.Text)
			}
		}
		if lanes[laneRequests] != 5 || lanes[laneSleeps] != 2 || lanes[laneRenewals] != d.Renewals || d.Renewals < 3 || d.Renewals > 30 {
			t.Errorf("%s: %v, %d renewals", account, lanes, d.Renewals)
		}
		var text bytes.Buffer
		if err := d.Timeline(&text); err != nil || !strings.Contains(text.String(), "22:30:00  sleeps    the machine sleeps until 06:40:00") {
			t.Errorf("%v\n%s", err, &text)
		}
		dec := xml.NewDecoder(bytes.NewReader(d.SVG()))
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := wall(7*time.Hour + 90*time.Second); got != "01:01:30" {
		t.Error(got)
	}
}
