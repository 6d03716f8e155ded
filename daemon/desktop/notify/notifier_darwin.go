package notify

import (
	"context"
	"image"
	"log/slog"
	"os/exec"
)

// Notifier shows notices through programs of macOS. Make it with New and Run it.
type Notifier struct{ *caller }

// New returns a Notifier. page is the command that opens the status page at an account.
func New(_ image.Image, page func(account string) []string, log *slog.Logger) *Notifier {
	return &Notifier{newCaller(newPrograms(page), log)}
}

func newPrograms(page func(account string) []string) *programs {
	return &programs{page: page, find: exec.LookPath, run: func(ctx context.Context, argv ...string) error {
		return exec.CommandContext(ctx, argv[0], argv[1:]...).Run()
	}}
}
