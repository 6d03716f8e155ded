package answers

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
		fmt.Sprintf("| the body of a sign-in | %d kB |", localBodyLimit>>10),
		fmt.Sprintf("| wrong passwords that a person types | %d at once, then 1 s to %d s apart |", freeTries, int(longestWait.Seconds())),
		fmt.Sprintf("| pages that wait to be opened | %d, for %d s |", maxOpenings, int(openLife.Seconds())),
		fmt.Sprintf("| requests of strangers that ask whether the server is there | one of each kind in %d s |", int(knownFor.Seconds())),
		fmt.Sprintf("| the user object in the answer to a sign-in | %d MB |", maxUser>>20),
		fmt.Sprintf("| the user object that is kept for a temporary failure | %d MB packed |", maxKept>>20),
		fmt.Sprintf("| the server's answer about itself | %d MB |", maxStatus>>20),
	} {
		if !strings.Contains(string(raw), row) {
			t.Errorf("docs/limits.md has no row %s", row)
		}
	}
}
