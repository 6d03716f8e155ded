package livesocket

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/wsconn"
)

// docs/limits.md says what the constants say.
func TestLimitsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| a message of a player | %d kB |", wsconn.MaxPayload>>10),
		fmt.Sprintf("| messages of one player that wait to be handled | %d kB |", heardUnit*heardUnits>>10),
		fmt.Sprintf("| messages of one player that wait for the server | %d, and %d kB |", unsentFrames, unsentBytes>>10),
		fmt.Sprintf("| such messages of all players together | %d MB | the same |", unsentTotal>>20),
		fmt.Sprintf("| an event of the server | %d MB |", wsconn.MaxPacket>>20),
		fmt.Sprintf("that are read and searched at one time | %d |", largeEvents),
	} {
		if !strings.Contains(string(raw), row) {
			t.Errorf("docs/limits.md has no row %s", row)
		}
	}
}
