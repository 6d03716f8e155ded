package notify

import (
	"context"
	"strings"
)

// programs shows messages of macOS through programs: whoever may show them otherwise
// is a signed bundle, and reached by cgo alone. terminal-notifier, where it is
// installed, takes a message away again and starts a command at a click. osascript
// is on every Mac, and can neither.
type programs struct {
	page func(account string) []string // what opens the status page at an account
	find func(program string) (path string, err error)
	run  func(ctx context.Context, argv ...string) error
}

// show leaves a click to the command: macOS tells nobody else of it.
func (p *programs) show(ctx context.Context, n Notice, _ func()) error {
	if path, err := p.find("terminal-notifier"); err == nil {
		return p.run(ctx, path, "-title", plainText(n.Title), "-message", plainText(n.Body), "-group", group(n), "-execute",
			shellLine(p.page(n.Account)))
	}
	path, err := p.find("osascript")
	if err != nil {
		return err
	}
	// The texts are arguments: in the script they could be code.
	return p.run(ctx, path, "-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run",
		plainText(n.Title), plainText(n.Body))
}

func (p *programs) clear(ctx context.Context, n Notice, _ bool) error {
	path, err := p.find("terminal-notifier")
	if err != nil {
		return nil // osascript's messages cannot be taken away
	}
	return p.run(ctx, path, "-remove", group(n))
}

// group names a message for terminal-notifier.
func group(n Notice) string { return "shelfkeeper/" + n.Key }

// plainText keeps the beginning of a text from being taken for an option or, by
// terminal-notifier, for a property list.
func plainText(text string) string {
	if text != "" && strings.ContainsRune(`-[{("<\`, rune(text[0])) {
		return "\u200b" + text
	}
	return text
}

// shellLine quotes a command for a shell.
func shellLine(argv []string) string {
	words := make([]string, 0, len(argv))
	for _, arg := range argv {
		words = append(words, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
	}
	return strings.Join(words, " ")
}
