package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/proxy/stream"
)

// docs/limits.md says what the constants say.
func TestLimitsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| open connections | %d |", maxConns),
		fmt.Sprintf("| connections of strangers: programs known neither as the user's own nor by a grant | %d |", maxStrangers),
		fmt.Sprintf("| connections of strangers, from one other user or one address | %d |", maxFromOwner),
		fmt.Sprintf("| connections whose user the system has not named yet | %d lookups at one time |", maxAskers),
		fmt.Sprintf("| the head of a request | %s, %s |", bytesOf(maxHeader), span(readHeaderTimeout)),
		fmt.Sprintf("| an idle connection | %s |", span(keepAlive)),
		fmt.Sprintf("| a pause within a body that Shelfkeeper reads itself, or that is small or not a file | %s |", span(bodyWait)),
		fmt.Sprintf("| a pause within an upload | %s |", span(uploadWait)),
		fmt.Sprintf("| the remainder of a body that is not needed | %s |", span(drainWait)),
		fmt.Sprintf("| a body that is kept so that it can be sent twice | %s |", bytesOf(maxReplay)),
		fmt.Sprintf("| an answer that is read whole before its head is sent | %s |", bytesOf(wholeSize)),
		fmt.Sprintf("| pictures that are kept for all players | %s together, %s each |", bytesOf(picturesMost), bytesOf(pictureMost)),
		fmt.Sprintf("| wrong grants of foreign pages | %d at once, then up to %s late, %d at a time |", freeWrong, span(longestSlow),
			maxSlowed),
		fmt.Sprintf("| remembered refused programs | %d |", maxRefused),
		fmt.Sprintf("| lookups of a program's name in the system's tables | one in %s |", span(lookupPause)),
		fmt.Sprintf("| an answer with a new API key | %s |", bytesOf(maxNewKey)),
		fmt.Sprintf("| a wait for a token | %s |", span(tokenWait)),
		fmt.Sprintf("| a request that is held in a temporary failure | %s |", span(stream.HoldFor)),
		fmt.Sprintf("| a request of Shelfkeeper's own to the server | %s |", span(questionWait)),
		fmt.Sprintf("over a live connection | %s |", span(answerWait)),
	} {
		if !strings.Contains(string(raw), row) {
			t.Errorf("docs/limits.md has no row %s", row)
		}
	}
}

// bytesOf writes a number of bytes as the table does.
func bytesOf(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d kB", n>>10)
}

// span writes a duration as the table does.
func span(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	case d > time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
