package keychain

import (
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"
)

// roleVariable makes this test binary one of the children that tests start.
const roleVariable = "KEYCHAIN_TEST_ROLE"

// roles are the bodies of those children; files add theirs in init.
var roles = map[string]func() int{
	"op": func() int { return RunOp(os.Stdin, os.Stdout) },
}

func TestMain(m *testing.M) {
	if body, ok := roles[os.Getenv(roleVariable)]; ok {
		os.Exit(body())
	}
	scryptWork = 10 // a second each time would only slow the tests down
	goleak.VerifyTestMain(m)
}

// runRole runs this test binary as a child in that role on a directory.
func runRole(t *testing.T, role, dir string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "KEYCHAIN_TEST_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("child %q: %v\n%s", role, err, out)
	}
}
