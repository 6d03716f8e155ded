package absfake

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// bucket counts the auth requests of one address in one window.
type bucket struct {
	hits   int
	resets time.Time
}

// maxBuckets bounds the table; beyond it, windows that are over go.
const maxBuckets = 1000

// admit counts a request in its address's window and sets the RateLimit
// headers; it answers 429 itself and returns false once the window is full. The
// window is fixed: it begins with the first request, and refused tries do not
// lengthen it. abs: server/utils/rateLimiterFactory.js
func (s *Server) admit(w http.ResponseWriter, q *request) bool {
	s.ledger.auth(time.Now())
	if s.cfg.LimiterMax < 0 || !s.facts.limiter {
		return true
	}
	now := time.Now()
	address := clientAddress(q.Request)
	s.mu.Lock()
	b := s.limiter[address]
	if b == nil || !b.resets.After(now) {
		if len(s.limiter) >= maxBuckets {
			for k, old := range s.limiter {
				if !old.resets.After(now) {
					delete(s.limiter, k)
				}
			}
		}
		b = &bucket{resets: now.Add(s.cfg.LimiterWindow)}
		s.limiter[address] = b
	}
	b.hits++
	hits, left := b.hits, b.resets.Sub(now)
	s.mu.Unlock()

	reset := strconv.FormatInt(int64((left+time.Second-1)/time.Second), 10)
	limit := strconv.Itoa(s.cfg.LimiterMax)
	h := w.Header()
	h.Set("RateLimit-Policy", limit+";w="+strconv.FormatInt(int64((s.cfg.LimiterWindow+time.Second-1)/time.Second), 10))
	h.Set("RateLimit-Limit", limit)
	h.Set("RateLimit-Remaining", strconv.Itoa(max(0, s.cfg.LimiterMax-hits)))
	h.Set("RateLimit-Reset", reset)
	if hits <= s.cfg.LimiterMax {
		return true
	}
	if s.facts.retryAfter {
		h.Set("Retry-After", reset)
	}
	sendJSON(w, q.Request, http.StatusTooManyRequests, object{{"error", "Too many authentication requests"}})
	return false
}

// clientAddress is whom the server takes for the client. Any peer can say that
// it speaks for another, and the first header with an address wins.
// abs: server/libs/requestIp
func clientAddress(r *http.Request) string {
	if ip := address(r.Header.Get("X-Client-IP")); ip != "" {
		return ip
	}
	for part := range strings.SplitSeq(r.Header.Get("X-Forwarded-For"), ",") {
		part = strings.TrimSpace(part)
		if host, _, ok := strings.Cut(part, ":"); ok && strings.Count(part, ":") == 1 {
			part = host // an IPv4 address with a port
		}
		if ip := address(part); ip != "" {
			return ip
		}
	}
	for _, name := range []string{
		"CF-Connecting-IP", "Fastly-Client-IP", "True-Client-IP", "X-Real-IP",
		"X-Cluster-Client-IP", "X-Forwarded", "Forwarded-For", "Forwarded",
	} {
		if ip := address(r.Header.Get(name)); ip != "" {
			return ip
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// address is text when that is an IP address, else "".
func address(text string) string {
	if net.ParseIP(text) == nil {
		return ""
	}
	return text
}
