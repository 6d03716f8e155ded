package entry

import "testing"

func TestExecQuotesWhatItMust(t *testing.T) {
	for in, want := range map[string]string{
		"/usr/bin/shelfkeeper": "/usr/bin/shelfkeeper",
		"--control":            "--control",
		"/a b/c":               `"/a b/c"`,
		"/50%/x":               "/50%%/x",
		`/a"b`:                 `"/a\\"b"`,
		"/a$b":                 `"/a\\$b"`,
		"":                     `""`,
	} {
		if got := Exec([]string{in}); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
	if got, want := Exec([]string{"/a b", "run", "50%"}), `"/a b" run 50%%`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
