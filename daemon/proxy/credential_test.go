package proxy

import (
	"net/http"
	"net/url"
	"testing"
)

// FuzzCredential: what is presented twice is one thing or none, and nothing of
// it goes upstream.
func FuzzCredential(f *testing.F) {
	for _, s := range [][2]string{
		{"Bearer x", "token=x"}, {"bearer  x ", "a=b&token=x"}, {"Basic x", "%74oken=x"}, {"", "token=%zz&token="},
		{"Bearer", "token=a&token=b"}, {"x", ";token=a"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		r := &http.Request{Header: http.Header{}, URL: &url.URL{RawQuery: query}}
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		value, how := credential(r)
		if (how == nothing) != (value == "") && how != conflicting {
			t.Errorf("%q, %v", value, how)
		}
		kept := withoutToken(query)
		if _, again := credential(&http.Request{Header: http.Header{}, URL: &url.URL{RawQuery: kept}}); again != nothing {
			t.Errorf("%q goes upstream with %q", query, kept)
		}
	})
}
