package dashboard

import (
	"fmt"
	"strings"
	"sync/atomic"

	"shelfkeeper/assets"
)

// allTexts are all words of the page, by key, while somebody looks at it.
var allTexts atomic.Pointer[map[string]string]

// texts returns all words of the page. They are read when they are first asked
// for, and again after forgetTexts.
func texts() map[string]string {
	if list := allTexts.Load(); list != nil {
		return *list
	}
	file, err := assets.Page.ReadFile("page/english.txt")
	if err != nil {
		panic(err) // it is compiled in
	}
	list := readTexts(string(file))
	allTexts.Store(&list)
	return list
}

func forgetTexts() { allTexts.Store(nil) }

// readTexts reads a file of words: a key, " = " and its words in each line; "#"
// begins a remark.
func readTexts(file string) map[string]string {
	list := make(map[string]string)
	for line := range strings.Lines(file) {
		if key, words, ok := strings.Cut(strings.TrimRight(line, "\r\n"), " = "); ok && !strings.HasPrefix(key, "#") {
			list[key] = words
		}
	}
	return list
}

// text returns the words of a key, with args in their places.
func text(key string, args ...any) string {
	words, ok := texts()[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return words
	}
	return fmt.Sprintf(words, args...)
}

// textOr is text, or other where the key has no words.
func textOr(key, other string) string {
	if words, ok := texts()[key]; ok {
		return words
	}
	return other
}

// count returns the words for a number: those of "key.N", or "key".
func count(key string, n int) string {
	if words, ok := texts()[fmt.Sprintf("%s.%d", key, n)]; ok {
		return words
	}
	return text(key, n)
}

// size is a number of bytes in words.
func size(n uint64) string {
	switch {
	case n >= 1e9:
		return text("bytes.g", float64(n)/1e9)
	case n >= 1e6:
		return text("bytes.m", float64(n)/1e6)
	case n >= 1e3:
		return text("bytes.k", float64(n)/1e3)
	}
	return text("bytes.b", n)
}
