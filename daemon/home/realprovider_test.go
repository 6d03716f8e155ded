package home

import (
	"bufio"
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
)

// realProvider starts npm's oidc-provider and returns its issuer.
func realProvider(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SHELFKEEPER_NODE")
	if dir == "" {
		if cache, err := os.UserCacheDir(); err == nil {
			dir = filepath.Join(cache, "shelfkeeper-ci")
		}
	}
	modules := filepath.Join(dir, "node_modules", "oidc-provider")
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(modules)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must have node and oidc-provider:", err)
		}
		t.Skip("needs node, and: npm install --prefix ~/.cache/shelfkeeper-ci --no-save oidc-provider@9")
	}
	cmd := exec.Command(node, filepath.Join("testdata", "provider.mjs"), modules, absAddress+"/auth/openid/mobile-redirect")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line := bufio.NewScanner(out)
	for line.Scan() {
		if strings.HasPrefix(line.Text(), "http://") {
			return strings.TrimSpace(line.Text())
		}
	}
	t.Fatal("the provider did not start")
	return ""
}

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]+)"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
)

// person is somebody with a browser, who signs in and consents wherever a form asks.
type person struct {
	*http.Client
	asked []string // prompts
}

// newPerson reaches the provider by the network, and the server by dial.
func newPerson(t *testing.T, issuer string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	provider := strings.TrimPrefix(issuer, "http://")
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == provider {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
		return dial(ctx, network, addr)
	}}
	return &person{Client: &http.Client{Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// visit goes from the provider's page to the address of another scheme.
func (p *person) visit(t *testing.T, page string) string {
	t.Helper()
	resp, err := p.Get(page)
	for range 20 {
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if to := resp.Header.Get("Location"); to != "" {
			next, err := resp.Request.URL.Parse(to)
			if err != nil {
				t.Fatal(err)
			}
			if next.Scheme != "http" {
				return next.String()
			}
			resp, err = p.Get(next.String())
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		action, prompt := formAction.FindSubmatch(body), formPrompt.FindSubmatch(body)
		if action == nil || prompt == nil {
			t.Fatalf("%s: %s\n%s", resp.Request.URL, resp.Status, body)
		}
		p.asked = append(p.asked, string(prompt[1]))
		at, err := resp.Request.URL.Parse(html.UnescapeString(string(action[1])))
		if err != nil {
			t.Fatal(err)
		}
		resp, err = p.PostForm(at.String(), url.Values{"prompt": {string(prompt[1])}, "login": {"demo"}, "password": {"x"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the pages do not end")
	return ""
}

// A provider that is not ours signs a person in, both sessions come of it, and a client
// secret that is wrong is said to be one.
func TestRealOpenIDProvider(t *testing.T) {
	issuer := realProvider(t)
	fake := newFake(t, absfake.Config{Outbound: &http.Transport{DisableKeepAlives: true}})
	settings := absfake.OpenID{Issuer: issuer, ClientID: "abs", ClientSecret: "sek", AutoRegister: true, MatchBy: "username"}
	fake.SetOpenID(settings)
	h := testHome(t, fake)
	someone := newPerson(t, issuer, h.Dial)
	signIn := func() error {
		return h.SignInOpenID(t.Context(), control.OpenIDRequest{Server: absAddress}, func(s control.OpenIDStep) error {
			if s.URL == "" {
				return nil
			}
			return h.ReturnOpenID(t.Context(), someone.visit(t, s.URL))
		})
	}
	if err := signIn(); err != nil {
		t.Fatal(err)
	}
	rig := &openIDRig{T: t, Home: h, fake: fake}
	if rec := rig.record(name); rec.Refresh.IsEmpty() || rec.Spare.IsEmpty() || rec.Username != "demo" {
		t.Errorf("kept for %s: refresh %v, spare %v", rec.Username, !rec.Refresh.IsEmpty(), !rec.Spare.IsEmpty())
	}
	if len(someone.asked) == 0 || someone.asked[0] != "login" {
		t.Errorf("asked for %v", someone.asked)
	}
	settings.ClientSecret = "wrong"
	fake.SetOpenID(settings)
	if p := problem.Of(signIn()); p == nil || p.Code != problem.Unreachable || !strings.Contains(p.Remedy, "client secret") {
		t.Errorf("a wrong client secret: %+v", p)
	}
}
