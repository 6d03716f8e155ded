package answers

import "testing"

// FuzzFields: a sign-in's body is fields or an error.
func FuzzFields(f *testing.F) {
	f.Add("application/json", `{"username":"a","password":"b"}`)
	f.Add("application/json; charset=x", `{"username":["a"],"password":null}`)
	f.Add("application/x-www-form-urlencoded", `username=a&username=b&password=%zz`)
	f.Add("text/plain", `x`)
	f.Fuzz(func(t *testing.T, kind, body string) {
		fields, err := parseFields(kind, []byte(body))
		if err != nil && fields != nil {
			t.Errorf("%v and %v", fields, err)
		}
		if o, err := parseObject([]byte(body)); err == nil {
			again, err := parseObject(o.bytes())
			if err != nil || len(again) != len(o) {
				t.Errorf("%q becomes %q: %v", body, o.bytes(), err)
			}
		}
	})
}
