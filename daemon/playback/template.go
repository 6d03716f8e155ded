package playback

import (
	"errors"
	"strings"
)

// Split splits a command line as a shell would, with quotes and backslashes and without
// everything else of a shell.
func Split(line string) (argv []string, err error) {
	var word strings.Builder
	inWord, quote, escaped := false, rune(0), false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case r == ' ' || r == '\t':
			if inWord {
				argv = append(argv, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("the player's command line ends within a quotation")
	}
	if inWord {
		argv = append(argv, word.String())
	}
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("the player's command line names no program")
	}
	return argv, nil
}

// Fill puts an address and a title into the words of a command line: for {url} and
// {title}. Where no word has {url} the address is the last word. The name of the program
// is left alone, and a title never becomes a word of its own.
func Fill(argv []string, address, title string) []string {
	out, put := []string{argv[0]}, false
	for _, word := range argv[1:] {
		put = put || strings.Contains(word, "{url}")
		out = append(out, strings.NewReplacer("{url}", address, "{title}", title).Replace(word))
	}
	if !put {
		out = append(out, address)
	}
	return out
}
