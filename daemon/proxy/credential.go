package proxy

import (
	"net/http"
	"net/url"
	"strings"
)

type presented int

const (
	nothing presented = iota
	one
	conflicting // several that differ, or one that is no bearer
)

// credential returns what the request presents, in the header or as ?token=.
// An empty one is none: players without a grant find an empty token in the
// user object and hand it on.
func credential(r *http.Request) (string, presented) {
	var value string
	how := nothing
	take := func(v string) {
		switch {
		case v == "":
		case how == nothing:
			value, how = v, one
		case v != value:
			how = conflicting
		}
	}
	for _, h := range r.Header["Authorization"] {
		scheme, v, _ := strings.Cut(strings.TrimSpace(h), " ")
		if scheme == "" {
			continue
		}
		if !strings.EqualFold(scheme, "Bearer") {
			return "", conflicting
		}
		take(strings.TrimSpace(v))
	}
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if v, ok := tokenIn(part); ok {
			take(v)
		}
	}
	return value, how
}

// tokenIn returns the value of a query's part whose key is token.
func tokenIn(part string) (string, bool) {
	key, value, _ := strings.Cut(part, "=")
	if key, err := url.QueryUnescape(key); err != nil || key != "token" {
		return "", false
	}
	v, err := url.QueryUnescape(value)
	if err != nil {
		return value, true // no grant looks like that
	}
	return v, true
}

// tokenInAddress returns the grant that c presents in its address; "" where that is none.
func (c *call) tokenInAddress() string {
	if c.caller.Grant == "" {
		return ""
	}
	for part := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		if v, ok := tokenIn(part); ok {
			return v
		}
	}
	return ""
}

// withoutToken returns the query as it goes upstream. Servers and gateways
// write addresses into their logs.
func withoutToken(query string) string {
	if !strings.Contains(query, "token") && !strings.Contains(query, "%") {
		return query
	}
	kept := make([]string, 0, 8)
	for part := range strings.SplitSeq(query, "&") {
		if _, ok := tokenIn(part); !ok {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}
