package tray

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"shelfkeeper/daemon/health"
)

// A line of the menu must not be as wide as the screen, and Windows shows 127
// characters of a tooltip.
const (
	maxLine    = 96
	maxName    = 32
	maxTooltip = 127
)

// state says in words how an account is doing; who is its name.
func state(a health.Account, who string) string {
	words := oneLine(a.Reason)
	if explained(a) {
		// The cause has lines of its own.
		words = oneLine(strings.TrimSuffix(strings.TrimSuffix(a.Reason, a.Loss.Sentence), ": "))
	}
	if words == "" {
		words = levelWords(a.Level)
	}
	if waits := waiting(a.Progress.Waiting); waits != "" {
		words = clip(words, maxLine-maxName-len(waits)-2) + waits // a long reason gives way
	}
	return who + ": " + words
}

// person names an account for people: by the name that the user gave it, else by user
// and host.
func person(a health.Account) string {
	if a.Alias != "" {
		return clip(oneLine(a.Alias), maxName)
	}
	u, err := url.Parse(a.Server)
	if err != nil || u.Hostname() == "" || a.User == "" {
		return clip(oneLine(a.Name), maxName)
	}
	return clip(oneLine(a.User+" at "+u.Hostname()), maxName)
}

// people names accounts as person does. Accounts that would get the same name get
// their unique names instead.
func people(accounts []health.Account) []string {
	names, count := make([]string, len(accounts)), map[string]int{}
	for i, a := range accounts {
		names[i] = person(a)
		count[names[i]]++
	}
	for i, a := range accounts {
		if count[names[i]] > 1 {
			names[i] = clip(oneLine(a.Name), maxName) // unique
		}
	}
	return names
}

// explained reports whether the account waits for its user because its session
// was lost, and the most likely cause is known.
func explained(a health.Account) bool {
	return a.Level == health.NeedsUser && a.Loss != nil && a.Loss.Sentence != "" && strings.HasSuffix(a.Reason, a.Loss.Sentence)
}

// cause says in at most two lines why the session was lost. It returns no line if
// the cause is not known.
func cause(a health.Account) []string {
	if !explained(a) {
		return nil
	}
	text := []rune(oneLine(a.Loss.Sentence))
	if len(text) <= maxLine {
		return []string{string(text)}
	}
	cut := maxLine
	for cut > maxLine/2 && text[cut] != ' ' {
		cut--
	}
	return []string{string(text[:cut]), clip(strings.TrimSpace(string(text[cut:])), maxLine)}
}

// waiting says how many reports of players wait for the server.
func waiting(n int) string {
	switch {
	case n <= 0:
		return ""
	case n == 1:
		return "; 1 report of listening waits"
	}
	return fmt.Sprintf("; %d reports of listening wait", n)
}

// levelWords is for levels without a reason, such as OK.
func levelWords(l health.Level) string {
	switch l {
	case health.OK:
		return "signed in"
	case health.Degraded:
		return "signed in, but something is missing"
	case health.Offline:
		return "the server cannot be reached; the session is kept"
	case health.Paused:
		return "paused by you"
	}
	return "needs you" // NeedsUser, and what a newer daemon may say
}

// tooltip says in words how everything is doing.
func tooltip(s health.Snapshot) string {
	switch len(s.Accounts) {
	case 0:
		return clip("Shelfkeeper: "+oneLine(health.NoAccount.Text), maxTooltip)
	case 1:
		return clip("Shelfkeeper, "+state(s.Accounts[0], person(s.Accounts[0])), maxTooltip)
	}
	lines := []string{"Shelfkeeper: " + levelWords(s.Level)}
	for i, a := range s.Accounts {
		if a.Level == s.Level && s.Level != health.OK {
			lines = append(lines, state(a, people(s.Accounts)[i]))
		}
	}
	if s.Level == health.OK {
		lines[0] = "Shelfkeeper: every account is signed in"
		for _, a := range s.Accounts {
			if a.Level == health.Paused {
				lines[0] = "Shelfkeeper: every account in use is signed in"
			}
		}
	}
	return clip(strings.Join(lines, "\n"), maxTooltip)
}

// oneLine makes a text fit for a menu: no control characters, no line breaks,
// and quotes instead of the backticks that terminals are used to.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '`':
			return '"'
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// clip shortens a text to n characters.
func clip(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return strings.TrimRight(string(runes[:n-1]), " ") + "…"
}
