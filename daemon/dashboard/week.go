package dashboard

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/history"
)

const (
	// weekDays is how many days the picture shows, today included.
	weekDays = 7
	// dayWidth and dayHeight are those of a day in the units of its picture: a
	// minute is one unit.
	dayWidth, dayHeight = 24 * 60, 24
	// maxRecord is how many attempts the record lists, the newest.
	maxRecord = 200
)

// happening is what an attempt means for the picture.
type happening int

const (
	renewal happening = iota
	signIn
	outage
	loss
	handoff
	sleep
	happenings // how many there are
)

// happeningOf reads an outcome.
func happeningOf(e history.Entry) happening {
	switch e.Outcome {
	case history.Slept:
		return sleep
	case history.Moved:
		return handoff
	case history.Renewed, history.Adopted:
		return renewal
	case history.SignedIn:
		return signIn
	case history.Lost, history.Expired, history.Disabled, history.HeaderRemoved, history.PasswordRefused, history.TokenRefused,
		history.OtherUser:
		return loss
	}
	return outage
}

// dayView is one day of the picture.
type dayView struct {
	Name    string
	Picture template.HTML
	Words   string
}

// week draws the last seven days of a record, today last.
func week(entries []history.Entry, now time.Time) []dayView {
	now = now.Local()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	days := make([]dayView, 0, weekDays)
	for i := weekDays - 1; i >= 0; i-- {
		days = append(days, drawDay(entries, today.AddDate(0, 0, -i), today.AddDate(0, 0, 1-i)))
	}
	return days
}

// drawDay draws what happened from one midnight to the next.
func drawDay(entries []history.Entry, from, to time.Time) dayView {
	var marks [happenings]strings.Builder // later ones lie above
	var counts [happenings]int
	at := func(t time.Time) float64 {
		part := t.Sub(from).Seconds() / to.Sub(from).Seconds()
		return min(max(part, 0), 1) * dayWidth
	}
	for _, e := range entries {
		last := e.At
		if e.Until.After(last) {
			last = e.Until
		}
		if last.Before(from) || !e.At.Before(to) {
			continue
		}
		what := happeningOf(e)
		counts[what]++
		x, width := at(e.At), at(last)-at(e.At)
		top, bottom := span(what)
		width = max(width, 6)
		fmt.Fprintf(&marks[what], `<rect class="%s" x="%.0f" y="%d" width="%.0f" height="%d"/>`, happeningName(what),
			min(x, dayWidth-width), top, width, bottom-top)
	}
	var drawn strings.Builder
	for _, what := range []happening{sleep, outage, handoff, renewal, signIn, loss} {
		drawn.WriteString(marks[what].String())
	}
	picture := fmt.Sprintf(`<svg class="day" viewBox="0 0 %d %d" preserveAspectRatio="none" aria-hidden="true" focusable="false">%s</svg>`,
		dayWidth, dayHeight, drawn.String())
	var words []string
	for what, n := range counts {
		if n > 0 {
			words = append(words, count("week."+happeningName(happening(what)), n))
		}
	}
	switch {
	case len(words) > 0:
	case len(entries) == 0 || !to.After(entries[0].At):
		words = []string{text("week.before")}
	default:
		words = []string{text("week.nothing")}
	}
	return dayView{Name: from.Format("Mon 2"), Picture: template.HTML(picture), Words: strings.Join(words, ", ")} // numbers and names of ours
}

// happeningNames are the classes of the style sheet and parts of keys of texts.
var happeningNames = [happenings]string{"renewal", "sign-in", "outage", "loss", "handoff", "sleep"}

func happeningName(h happening) string { return happeningNames[h] }

// span is the height at which it is drawn, so that what happens at one time does
// not hide each other.
func span(h happening) (top, bottom int) {
	switch h {
	case renewal:
		return dayHeight / 2, dayHeight
	case outage:
		return dayHeight / 4, dayHeight
	case handoff:
		return 0, dayHeight / 3
	case sleep:
		return dayHeight * 5 / 6, dayHeight
	}
	return 0, dayHeight
}

// recordView is the record of one account.
type recordView struct {
	Account string
	Title   string
	Week    []dayView
	Entries []entryView
}

// entryView is one attempt in words.
type entryView struct {
	At, Until     stamp
	What, Outcome string
	Grave         bool
	Times         string
	Evidence      string
}

func (s *Server) showRecord(w http.ResponseWriter, r *request) {
	now := time.Now()
	var views []recordView
	for _, a := range s.cfg.Daemon.Snapshot().Accounts {
		entries := s.cfg.Daemon.History(a.Name)
		v := recordView{Account: a.Name, Title: titleOfAccount(a), Week: week(entries, now)}
		for _, e := range slices.Backward(entries) {
			if len(v.Entries) == maxRecord {
				break
			}
			one := entryView{At: when(e.At, now), Until: when(e.Until, now), What: textOr("record.what."+string(e.Kind), string(e.Kind)),
				Outcome: textOr("record.outcome."+string(e.Outcome), string(e.Outcome)), Grave: happeningOf(e) == loss, Evidence: e.Evidence}
			if e.Count > 0 {
				one.Times = count("count.times", e.Count+1)
			}
			v.Entries = append(v.Entries, one)
		}
		views = append(views, v)
	}
	s.page(w, r, http.StatusOK, "record", frame{Title: text("record.title"), Here: "record", Live: true, Body: views})
}
