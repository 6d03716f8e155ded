package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// signInAt signs in as a player would and returns the refresh token.
func signInAt(t *testing.T, server string) string {
	t.Helper()
	refresh, _ := pairAt(t, server)
	return refresh
}

// pairAt signs in and returns both tokens.
func pairAt(t *testing.T, server string) (refresh, access string) {
	t.Helper()
	form := url.Values{"username": {benchUser}, "password": {benchPassword}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("x-return-tokens", "true")
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		User struct {
			RefreshToken string `json:"refreshToken"`
			AccessToken  string `json:"accessToken"`
		} `json:"user"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.User.RefreshToken == "" {
		t.Fatalf("sign in: %s, %v", resp.Status, err)
	}
	return answer.User.RefreshToken, answer.User.AccessToken
}

// untilNextSecond waits until tokens get another issue time: releases without a
// jti give equal ones within a second.
func untilNextSecond(t *testing.T) {
	t.Helper()
	if err := wait(t.Context(), time.Until(time.Now().Truncate(time.Second).Add(time.Second))); err != nil {
		t.Fatal(err)
	}
}
