package stream

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// docs/limits.md says what the constants say.
func TestLimitsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| a pause within an answer that cannot be continued | %d min |", int(idle.Minutes())),
		fmt.Sprintf("| a pause within a stream that can be continued | %d s, then Shelfkeeper tries to continue it for %d s |",
			int(stall.Seconds()), int(patience.Seconds())),
	} {
		if !strings.Contains(string(raw), row) {
			t.Errorf("docs/limits.md has no row %s", row)
		}
	}
}
