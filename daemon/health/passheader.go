package health

// PassHeader is the remedy for a gateway that takes a header out of our requests. It
// names the setting of each gateway that does so.
func PassHeader(name string) string {
	return "let the reverse proxy pass " + name + " through (nginx: proxy_set_header, Caddy: header_up, HAProxy: del-header, " +
		"Apache: RequestHeader)"
}
