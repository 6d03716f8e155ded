package desktop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// atSchemeEnv names the file into which this test's program writes what it is run with.
const atSchemeEnv = "SHELFKEEPER_TEST_SCHEME"

// TestSchemeIsHandedOver takes a scheme as a sign-in does, and opens an address of it as
// a browser does: the program is run with the address.
func TestSchemeIsHandedOver(t *testing.T) {
	if to := os.Getenv(atSchemeEnv); to != "" {
		if err := os.WriteFile(to, []byte(strings.Join(os.Args, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	const scheme, address = "shelfkeepertest", "shelfkeepertest://oauth?code=a%20b&state=c"
	dir, err := os.MkdirTemp("", "scheme")
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "args")
	defer func() { _, _ = os.Remove(to), os.Remove(dir) }() // as t.TempDir, which fails in Wine 8
	t.Setenv(atSchemeEnv, to)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := []string{self, "-test.run=TestSchemeIsHandedOver", "-test.v", schemeMark}
	restore, err := TakeScheme(scheme, command)
	if err != nil {
		t.Fatal(err)
	}
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		forWine(t, `Software\Classes\`+scheme)
	}
	verb, file := windows.StringToUTF16Ptr("open"), windows.StringToUTF16Ptr(address)
	if err := windows.ShellExecute(0, verb, file, nil, nil, windows.SW_SHOWNORMAL); err != nil {
		t.Errorf("open %s: %v", address, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	var got []byte
	for len(got) == 0 && ctx.Err() == nil {
		got, _ = os.ReadFile(to) // until it is there
		select {
		case <-look.C:
		case <-ctx.Done():
		}
	}
	if args := strings.Split(string(got), "\n"); len(args) < 3 || args[len(args)-1] != address || args[len(args)-2] != "--" {
		t.Errorf("the program was run with %q", got)
	}
	if err := restore(); err != nil {
		t.Error(err)
	}
	if err := ReleaseScheme(scheme); err != nil {
		t.Error(err)
	}
	if out, err := exec.Command("reg", "query", `HKCU\Software\Classes\`+scheme).CombinedOutput(); err == nil {
		t.Errorf("the registry still has %s", out)
	}
}

// forWine copies what TakeScheme has written to where Wine 8 looks for it: it does not
// see a user's own part of the classes, as Windows does.
func forWine(t *testing.T, root string) {
	t.Helper()
	line, err := defaultOf(root + `\shell\open\command`)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ path, name, value string }{{root, "URL Protocol", ""}, {root + `\shell\open\command`, "", line}} {
		k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, one.path, registry.SET_VALUE)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.SetStringValue(one.name, one.value); err != nil {
			t.Error(err)
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}
