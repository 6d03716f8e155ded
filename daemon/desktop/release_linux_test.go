package desktop

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWithoutEntry(t *testing.T) {
	for in, want := range map[string]string{
		"": "",
		"[Default Applications]\nx-scheme-handler/audiobookshelf=shelfkeeper-sign-in.desktop\ntext/html=firefox.desktop\n": "[Default Applications]\ntext/html=firefox.desktop\n",
		"x-scheme-handler/audiobookshelf=other.desktop;shelfkeeper-sign-in.desktop;\n":                                     "x-scheme-handler/audiobookshelf=other.desktop;\n",
		"x-scheme-handler/audiobookshelf=shelfkeeper-sign-in.desktop;\r\nno newline":                                       "no newline",
		"# shelfkeeper-sign-in.desktop=shelfkeeper-sign-in.desktop\n":                                                      "# shelfkeeper-sign-in.desktop=shelfkeeper-sign-in.desktop\n",
		"a=not-shelfkeeper-sign-in.desktop\n":                                                                              "a=not-shelfkeeper-sign-in.desktop\n",
	} {
		if got := withoutEntry(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// What TakeScheme has left is gone, the user's other choices stay, and a link to the
// file of choices stays a link.
func TestReleaseScheme(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	if err := ReleaseScheme("audiobookshelf"); err != nil || SchemeEntry() != "" {
		t.Fatalf("nothing is there: %v %q", err, SchemeEntry())
	}
	if err := writeEntry("x-scheme-handler/audiobookshelf", []string{"/bin/true", "openid-return"}); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "config"), 0o700); err != nil {
		t.Fatal(err)
	}
	choices, real := filepath.Join(dir, "config", "mimeapps.list"), filepath.Join(dir, "dotfile")
	text := "[Default Applications]\nx-scheme-handler/audiobookshelf=" + entryName + "\ntext/html=firefox.desktop\n"
	if err := os.WriteFile(real, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, choices); err != nil {
		t.Fatal(err)
	}
	if SchemeEntry() == "" {
		t.Fatal("the entry is not found")
	}
	for range 2 {
		if err := ReleaseScheme("audiobookshelf"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(real)
	if err != nil || string(got) != "[Default Applications]\ntext/html=firefox.desktop\n" {
		t.Errorf("%q %v", got, err)
	}
	if info, err := os.Lstat(choices); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v %v", info, err)
	}
	if SchemeEntry() != "" {
		t.Error("the entry is still there")
	}
}
