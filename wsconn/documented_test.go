package wsconn

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// docs/limits.md says what the constants say.
func TestLimitsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "docs", "limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| live sockets of one account | %d |", maxPlayerConns),
		fmt.Sprintf("| events above %d kB that", smallFrame>>10),
		fmt.Sprintf("| a socket waits %d s for its turn", int(turnWait.Seconds())),
		fmt.Sprintf("| frames that wait for one player | %d, and %d MB,", maxQueuedFrames, maxQueuedBytes>>20),
		fmt.Sprintf("| such frames of all players together | %d MB | of the players that have read nothing for %d s", maxTotalBytes>>20,
			int(stuckAfter.Seconds())),
		fmt.Sprintf("| a piece of %d kB on its way to a player | %d s |", pieceSize>>10, int(pieceDeadline.Seconds())),
		fmt.Sprintf("| one answer to a poll | %d MB,", pollBytes>>20),
	} {
		if !strings.Contains(string(raw), row) {
			t.Errorf("docs/limits.md has no row %s", row)
		}
	}
}
