package absfake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrFault is wrapped by ParseFaults for text it does not understand.
var ErrFault = errors.New("bad fault")

// pathNames are short names for paths in the text form.
var pathNames = map[string]string{
	"refresh": "/auth/refresh",
	"login":   "/login",
	"logout":  "/logout",
	"status":  "/status",
	"ping":    "/ping",
	"api":     "/api/",
	"file":    "/api/items/*/file/*",
	"track":   "/public/session/*/track/*",
	"cover":   "/api/items/*/cover",
	"sync":    "/api/session/*/sync",
}

// ParseFaults reads the text form of faults, parted by commas:
//
//	cut:4s  cut:1MB       the body ends 4 s or 1,000,000 bytes after its beginning
//	lose  lose:login      the answer is lost (of a refresh, if no path is named)
//	stall  stall:10s  stall:64KiB:5s
//	refuse  404  502  html  redirect  internal  restart  restart:30s
//	rate:300k             bytes per second
//
// Each may be followed by :PATH (a path, or refresh, login, logout, status,
// ping, api, file, track, cover, sync), :xN (N times), :0.1 or :10%
// (probability) and :after (the server has handled the request). It returns no
// faults for an empty list.
func ParseFaults(list string) ([]Fault, error) {
	var out []Fault
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		f, err := parseFault(item)
		if err != nil {
			return nil, fmt.Errorf("%w %q: %w", ErrFault, item, err)
		}
		out = append(out, f)
	}
	return out, nil
}

func parseFault(item string) (Fault, error) {
	words := strings.Split(item, ":")
	var f Fault
	name := strings.ToLower(words[0])
	if status, err := strconv.Atoi(name); err == nil {
		if status < 400 || status > 599 {
			return f, errors.New("a status is from 400 to 599")
		}
		f.Kind, f.Status = Answer, status
	} else {
		switch kind := FaultKind(name); kind {
		case LoseAnswer, Stall, Refuse, Portal, Redirect, InternalAs401, Restart, Rate, "cut":
			f.Kind = kind
		default:
			return f, fmt.Errorf("there is no fault %q; there are cut, lose, stall, refuse, html, redirect, internal, restart, "+
				"rate, and a status such as 502", words[0])
		}
	}
	sized := false
	for _, word := range words[1:] {
		if err := f.take(word, &sized); err != nil {
			return f, err
		}
	}
	return f, f.complete(sized)
}

// take reads one word by its shape.
func (f *Fault) take(word string, sized *bool) error {
	lower := strings.ToLower(word)
	if path, ok := pathNames[lower]; ok {
		f.Path = path
		return nil
	}
	switch {
	case word == "":
		return errors.New("there is nothing between two colons, or after the last one")
	case word[0] == '/':
		f.Path = word
		return nil
	case lower == "after":
		f.Handled = true
		return nil
	case lower[0] == 'x':
		n, err := strconv.Atoi(lower[1:])
		if err != nil || n < 1 {
			return fmt.Errorf("how often is x and a number such as x3, not %q", word)
		}
		f.Times = n
		return nil
	case strings.HasSuffix(word, "%"):
		return f.chance(strings.TrimSuffix(word, "%"), 100)
	}
	if n, err := parseSize(word); err == nil {
		f.Bytes, *sized = n, true
		return nil
	}
	if d, err := time.ParseDuration(word); err == nil {
		if d <= 0 {
			return fmt.Errorf("a time is above zero, not %q", word)
		}
		f.After = d
		return nil
	}
	if strings.HasPrefix(word, "0.") {
		return f.chance(word, 1)
	}
	return fmt.Errorf("%q is no time such as 4s, no size such as 1MB, no chance such as 10%%, no count such as x3, and no path", word)
}

func (f *Fault) chance(text string, of float64) error {
	p, err := strconv.ParseFloat(text, 64)
	if err != nil || !(p > 0 && p <= of) {
		return fmt.Errorf("a chance is from above 0%% to 100%%, not %q", text)
	}
	f.Probability = p / of
	return nil
}

// complete settles the kind and refuses what makes no sense.
func (f *Fault) complete(sized bool) error {
	switch f.Kind {
	case "cut":
		switch {
		case sized && f.After > 0:
			return errors.New("cut takes a size or a time, not both")
		case sized:
			f.Kind = CutBytes
		case f.After > 0:
			f.Kind = CutAfter
		default:
			return errors.New("cut needs a size such as 1MB, or a time such as 4s")
		}
	case Rate:
		if f.Bytes <= 0 {
			return errors.New("rate needs bytes per second such as 300k")
		}
	case LoseAnswer:
		if f.Path == "" {
			f.Path = pathNames["refresh"]
		}
	}
	return nil
}

var units = []struct {
	suffix string
	factor float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9},
	{"k", 1e3}, {"g", 1e9}, {"b", 1},
}

// parseSize reads 1000, 64KiB, 1.5MB, 300k. A bare "m" means minutes and is no
// size; "M" is one.
func parseSize(text string) (int64, error) {
	lower, factor := strings.ToLower(text), 0.0
	switch {
	case strings.HasSuffix(text, "M"):
		lower, factor = lower[:len(lower)-1], 1e6
	case strings.Trim(text, "0123456789") == "":
		factor = 1
	default:
		for _, u := range units {
			if strings.HasSuffix(lower, u.suffix) {
				lower, factor = strings.TrimSuffix(lower, u.suffix), u.factor
				break
			}
		}
	}
	if factor == 0 || strings.Trim(lower, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is no size", text)
	}
	n, err := strconv.ParseFloat(lower, 64)
	if err != nil || n*factor > 1<<53 {
		return 0, fmt.Errorf("%q is no size", text)
	}
	return int64(n * factor), nil
}
