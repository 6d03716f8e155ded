package main

import "testing"

func TestWindowsWord(t *testing.T) {
	for s, want := range map[string]string{
		`C:\Programs\shelfkeeper.exe`:    `C:\Programs\shelfkeeper.exe`,
		`C:\Bücher & mehr\s.exe`:         `"C:\Bücher & mehr\s.exe"`,
		`C:\100%\s.exe`:                  `"C:\100%\s.exe"`,
		`C:\my books\`:                   `"C:\my books\\"`,
		`a|b`:                            `"a|b"`,
		`the "long" way`:                 `"the \"long\" way"`,
		``:                               `""`,
		`http://127.0.0.1:13379/a-b_c.d`: `http://127.0.0.1:13379/a-b_c.d`,
	} {
		if got := windowsWord(s); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}
