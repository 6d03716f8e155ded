package notify

import (
	"image"
	"log/slog"
)

// Notifier shows notices through programs of macOS. Make it with New and Run it.
type Notifier struct{ *caller }

// New returns a Notifier. page is the command that opens the status page at an account.
func New(_ image.Image, page func(account string) []string, log *slog.Logger) *Notifier {
	return &Notifier{newCaller(newPrograms(page), log)}
}
