package locations

import (
	"net/url"
	"testing"
)

func TestLocation(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "abs.example", Path: "/abs"}
	for in, want := range map[string]string{
		"/hls/x/output.m3u8":                "/hls/x/output.m3u8",
		"output.m3u8?x=1":                   "output.m3u8?x=1",
		"https://abs.example/abs/login?a=b": "/abs/login?a=b",
		"HTTPS://ABS.example:443/x%20y":     "/x%20y",
		"https://abs.example":               "/",
		"https://abs.example//evil.example": "/evil.example",
		"http://abs.example/x":              "",
		"https://abs.example:8443/x":        "",
		"https://evil.example/x":            "",
		"//evil.example/x":                  "",
		`/\evil.example/x`:                  "",
		`\\evil.example/x`:                  "",
		"javascript:alert(1)":               "",
		"%zz":                               "",
		":":                                 "",
	} {
		got, ok := Redirect(base, in)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%s became %q, %v", in, got, ok)
		}
	}
}
