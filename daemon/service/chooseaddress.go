package service

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

// chooseAddress picks an address by the order of the list: the first that is
// good, -1 if none is. An address in use (now, or -1) that is good is left only
// for an earlier one that was good before; better reports that such a one
// answers and has to prove itself.
func chooseAddress(good []bool, now int, steady bool) (pick int, better bool) {
	first := slices.Index(good, true)
	switch {
	case first < 0 || now < 0 || !good[now]:
		return first, false
	case first < now && !steady:
		return now, true
	}
	return first, false
}

// rejectStrangers turns answers of other servers than the account's into
// failures, as far as they can be told, and returns their number. An address
// with a certificate is the reference: the account's own one, else the first
// whose release is not older than the known one. All others must have its
// release and sign-in methods. Without a reference, an answer must come from
// the known release or a later one.
func rejectStrangers(list []*url.URL, base *url.URL, answers []answer, known string) (strangers int) {
	reference := -1
	for i, u := range list {
		if answers[i].err != nil || u.Scheme != "https" {
			continue
		}
		if own := u.String() == base.String(); own || reference < 0 && absapi.SameOrLater(answers[i].status.Version, known) {
			reference = i
		}
	}
	for i := range answers {
		a := &answers[i]
		if a.err != nil || i == reference {
			continue
		}
		if reference >= 0 && sameStatus(a.status, answers[reference].status) || reference < 0 &&
			absapi.SameOrLater(a.status.Version, known) {
			continue
		}
		a.err = fmt.Errorf("another Audiobookshelf (%s)", a.status.Version)
		strangers++
	}
	return strangers
}

func sameStatus(a, b absapi.Status) bool {
	return a.Version == b.Version && slices.Equal(slices.Sorted(slices.Values(a.AuthMethods)), slices.Sorted(slices.Values(b.AuthMethods)))
}

// failures says why addresses are not used, for the log.
func failures(list []*url.URL, answers []answer) string {
	var out []string
	for i, u := range list {
		if answers[i].err != nil {
			out = append(out, u.Host+": "+redact.Text(answers[i].err.Error()))
		}
	}
	return strings.Join(out, "; ")
}
