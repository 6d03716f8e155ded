package service

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

// chooseAddress picks an address by the order of the list: the first that is good,
// -1 if none is. One in use (now, or -1) that is good is left only for a
// better one that was good before, and doubt says that there is one to watch.
func chooseAddress(good []bool, now int, steady bool) (pick int, doubt bool) {
	first := slices.Index(good, true)
	switch {
	case first < 0 || now < 0 || !good[now]:
		return first, false
	case first < now && !steady:
		return now, true
	}
	return first, false
}

// rejectStrangers makes failures of the answers that come from another server than
// the account's, as far as can be told, and returns how many they were. What a
// certificate vouches for decides: the account's own address, else the first
// of the list that has not an older release than is known. All others must
// have its release and sign-in methods. Where nothing is vouched for, an
// answer must come from the release that is known, or a later one.
func rejectStrangers(list []*url.URL, base *url.URL, answers []answer, known string) (strangers int) {
	witness := -1
	for i, u := range list {
		if answers[i].err != nil || u.Scheme != "https" {
			continue
		}
		if own := u.String() == base.String(); own || witness < 0 && absapi.SameOrLater(answers[i].status.Version, known) {
			witness = i
		}
	}
	for i := range answers {
		a := &answers[i]
		if a.err != nil || i == witness {
			continue
		}
		if witness >= 0 && sameStatus(a.status, answers[witness].status) || witness < 0 && absapi.SameOrLater(a.status.Version, known) {
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
