package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The demonstration has a status page. A setting that is changed there holds at once,
// and players keep their address.
func TestDemoHasAPage(t *testing.T) {
	p := demoPlace(t)
	d, r := p.demo("--no-tray")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{Jar: jar, Timeout: patience}
	defer browser.CloseIdleConnections()
	settings := func() string {
		resp, err := browser.Get(r.Page + "settings")
		if err != nil {
			return "" // it starts again
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return ""
		}
		return string(body)
	}
	var token []string
	for end := time.Now().Add(patience); token == nil; <-time.After(20 * time.Millisecond) { // it opens beside the rest
		if token = regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(settings()); token == nil && time.Now().After(end) {
			t.Fatal("the page has no form")
		}
	}
	form := url.Values{"csrf": {token[1]}, "key": {"notifications"}, "value": {"false"}}
	ask, err := http.NewRequest(http.MethodPost, r.Page+"settings/set", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	ask.Header.Set("Origin", strings.TrimSuffix(r.Page, "/"))
	resp, err := browser.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	for end := time.Now().Add(patience); !strings.Contains(settings(), `Messages of the desktop: <span class="is">no</span>`); {
		if time.Now().After(end) {
			t.Fatal("the setting does not hold")
		}
		<-time.After(50 * time.Millisecond)
	}
	if resp, _ := get(t, r.ItemURL); resp.StatusCode != http.StatusOK {
		t.Errorf("a player at its old address: %s", resp.Status)
	}
	d.end(r)
}
