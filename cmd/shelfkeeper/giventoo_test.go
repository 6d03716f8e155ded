package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// A remedy of a sign-in repeats what the sign-in was given, unless it speaks for that
// itself, so that it works as it is printed.
func TestRemedyRepeatsWhatWasGiven(t *testing.T) {
	t.Parallel()
	const at = "https://abs.example"
	for _, c := range []struct{ given, remedy, want string }{
		{at + " --header X-Gate --stdin", "name it: `shelfkeeper login " + at + " --ca FILE`",
			"name it: `shelfkeeper login " + at + " --header X-Gate --stdin --ca FILE`"},
		{at + " --header A --header B", "`shelfkeeper login " + at + " --header HEADER`", "`shelfkeeper login " + at +
			" --header A --header B --header HEADER`"},
		{at + " --ca old.pem -u ann", "`shelfkeeper login " + at + " --ca FILE`", "`shelfkeeper login " + at + " --username ann --ca FILE`"},
		{at + " --client-p12 me.p12", "`shelfkeeper login " + at + " --client-cert FILE --client-key FILE`",
			"`shelfkeeper login " + at + " --client-cert FILE --client-key FILE`"},
		{at + " --basic ann --token-in-url", "`shelfkeeper login " + at + " --gateway authelia --basic USER`",
			"`shelfkeeper login " + at + " --gateway authelia --basic USER`"},
		{at + " -u ann --ca it.pem", "`shelfkeeper login " + at + " --oidc`", "`shelfkeeper login " + at + " --ca it.pem --oidc`"},
		{at + " --oidc --no-spare --ca it.pem", "`shelfkeeper login " + at + "`", "`shelfkeeper login " + at + " --ca it.pem`"},
		{at + " --oidc", "`shelfkeeper login " + at + " --ca FILE`", "`shelfkeeper login " + at + " --oidc --ca FILE`"},
		{at + " --proxy http://me:hush@proxy.lan:3128", "`shelfkeeper login " + at + " --ca FILE`",
			"`shelfkeeper login " + at + " --proxy ADDRESS --ca FILE`"},
		{at + " --account home --store file", "`shelfkeeper login URL --store os`, or `shelfkeeper logout --forget`",
			"`shelfkeeper login " + at + " --account home --store os`, or `shelfkeeper logout --forget`"},
		{at + " --user-agent a`$(x)'b", "`shelfkeeper login " + at + " --ca FILE`",
			"`shelfkeeper login " + at + ` --user-agent 'a?$(x)'\''b' --ca FILE` + "`"},
		{at + " --allow-http=false", "`shelfkeeper login " + at + " --ca FILE`", "`shelfkeeper login " + at + " --allow-http=false --ca FILE`"},
		{at + " --for https://a.example --for https://b.example", "`shelfkeeper login " + at + " --header HEADER`",
			"`shelfkeeper login " + at + " --for https://a.example --for https://b.example --header HEADER`"},
		{at + " --ca it.pem", "renew the certificate", "renew the certificate"},
		{at + " --store cloud", "see `shelfkeeper login --help`", "see `shelfkeeper login --help`"},
	} {
		l := newLogin(&env{})
		if err := l.ParseFlags(strings.Fields(c.given)); err != nil {
			t.Fatal(err)
		}
		if got := withGiven(l, c.remedy); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.given, got, c.want)
		}
	}
}

// Two gates one behind the other: each failure names one setting more, and the remedy of
// the second works as printed, since it repeats the first.
func TestRemedyOfTheSecondGate(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.secrets = append(p.secrets, password, "hush")
	front := s.Handler()
	gate := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Gate") != "hush" {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusForbidden)
			return
		}
		front.ServeHTTP(w, r)
	}))
	gate.Config.ErrorLog = log.New(io.Discard, "", 0)
	gate.StartTLS()
	defer gate.Close()
	ca := filepath.Join(p.home, "ca.pem")
	p.write(ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: gate.Certificate().Raw})))
	r := p.run("hush\n"+password, "login", gate.URL, "-u", user, "--password-stdin", "--store", "file", "--header", "X-Gate", "--stdin")
	if r.code != problem.Unreachable {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	args := p.printed(r.stderr, "login "+gate.URL, "FILE", ca)
	p.ok("hush\n"+password, args...)
	if strings.Contains(r.stderr, "hush") {
		t.Error("a secret is repeated")
	}
}
