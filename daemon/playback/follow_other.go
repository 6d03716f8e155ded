//go:build darwin || windows

package playback

import (
	"context"
	"errors"
)

// Run runs the program. No system but Linux and the BSDs has a bus on which programs tell
// what they play.
func (f *Follow) Run(ctx context.Context) error {
	if len(f.Argv) == 0 {
		return errors.New("this system has no bus on which players tell what they play")
	}
	return Run(ctx, f.Argv)
}
