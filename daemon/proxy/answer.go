package proxy

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"shelfkeeper/daemon/proxy/locations"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/stream"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
)

// dropped are the answer's headers that end here: those for one hop, and those
// that speak for the server's origin, which ours is not.
var dropped = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Set-Cookie": true, "Set-Cookie2": true, // sessions of the server
	"Www-Authenticate":          true,
	"Alt-Svc":                   true,
	"Clear-Site-Data":           true,
	"Strict-Transport-Security": true,
	"Public-Key-Pins":           true,
	"Refresh":                   true,
}

// wholeOnly are headers that are no longer true of a filtered body.
var wholeOnly = []string{"Content-Length", "Accept-Ranges", "Content-Range", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}

// saysOfWhole reports whether a header speaks of the file and not of this answer's
// body: 304 and 416 have none of its bytes.
func saysOfWhole(status int, name string) bool {
	switch status {
	case http.StatusNotModified:
		return name == "Accept-Ranges"
	case http.StatusRequestedRangeNotSatisfiable:
		return name == "Accept-Ranges" || name == "Content-Range"
	}
	return false
}

// answer gives resp to the player. It returns why not, as long as nothing has
// been given yet.
func (s *Server) answer(w http.ResponseWriter, c *call, x *exchange) *refusal.Refusal {
	resp := x.resp
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return refusal.Unreadable
	}
	s.sockets.Wrote(c.r.Method, c.path, resp.StatusCode)
	_, known := s.cfg.Identity()
	replace := s.replaceFor(c.r.Context(), c.caller)
	h := w.Header()
	if no := s.copyHeader(h, c, resp, replace, known); no != nil {
		return no
	}
	src := io.Reader(resp.Body)
	if isFiltered(resp) {
		var no *refusal.Refusal
		if src, no = s.filter(c, resp, replace); no != nil {
			return no
		}
		for _, name := range wholeOnly {
			if !saysOfWhole(resp.StatusCode, name) {
				h.Del(name)
			}
		}
		h.Del("Content-Encoding")
		// The same state of the server, but no longer the same bytes.
		if tag := h.Get("Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
			h.Set("Etag", "W/"+tag)
		}
	}
	if tag := h.Get("Etag"); tag != "" && c.personal() {
		h.Set("Etag", c.ownTag(tag))
	}
	if resp.StatusCode == http.StatusOK {
		src = s.tracks.Learn(c.r.Method, c.path, src, s.opened(c))
	}
	if b := s.continued(c, x); b != nil {
		defer b.Close()
		if key, ok := c.fileKey(); ok && c.detour == "" {
			work, _ := c.work()
			s.files.Learn(key, work, resp, h)
		}
		return s.send(w, c, x, b)
	}
	if no := s.send(w, c, x, stream.Watched{Src: src, Watchdog: x.watchdog}); no != nil {
		return no
	}
	for name, values := range resp.Trailer {
		if dropped[name] {
			continue
		}
		for _, v := range values {
			if v = tokenfilter.Value(v, replace); !tokenfilter.Contains(v, known) {
				h.Add(http.TrailerPrefix+name, v)
			}
		}
	}
	return nil
}

// copyHeader puts into h what of resp's header a player may see.
func (s *Server) copyHeader(h http.Header, c *call, resp *http.Response, replace tokenfilter.Replace,
	known []redact.Secret) *refusal.Refusal {
	hop := nominated(resp.Header)
	for name, values := range resp.Header {
		if dropped[name] || hop[name] || strings.HasPrefix(name, "Access-Control-") {
			continue
		}
		switch name {
		case "Location", "Content-Location":
			v, ok := locations.Redirect(s.cfg.Base, values[0])
			if !ok {
				if name == "Location" && resp.StatusCode/100 == 3 {
					return refusal.Elsewhere
				}
				continue
			}
			values = []string{v}
		case "Content-Type":
			values = values[:1] // the one that decides how it is filtered
		}
		clean := s.cleanValues(c, values, replace, known)
		if own := h[name]; len(own) > 0 {
			clean = append(slices.Clip(own), clean...)
		}
		if len(clean) > 0 {
			h[name] = clean
		}
	}
	c.keepShareCookie(h, resp)
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // nobody is to guess one
	}
	return nil
}

// cleanValues returns the values of a header without real tokens. They are the same slice
// where there are none, as nearly always.
func (s *Server) cleanValues(c *call, values []string, replace tokenfilter.Replace, known []redact.Secret) []string {
	var clean []string
	for i, v := range values {
		own := tokenfilter.Value(v, replace)
		withheld := tokenfilter.Contains(own, known)
		if withheld {
			s.withheld(c)
		}
		if clean == nil && (withheld || own != v) {
			clean = append(make([]string, 0, len(values)), values[:i]...)
		}
		if clean != nil && !withheld {
			clean = append(clean, own)
		}
	}
	if clean == nil {
		return slices.Clip(values)
	}
	return clean
}

// filter returns the body of resp without real tokens.
func (s *Server) filter(c *call, resp *http.Response, replace tokenfilter.Replace) (io.Reader, *refusal.Refusal) {
	src := io.Reader(resp.Body)
	if c.r.Method == http.MethodHead || resp.StatusCode == http.StatusNotModified || resp.StatusCode == http.StatusNoContent {
		return src, nil
	}
	switch encoding := strings.ToLower(strings.TrimSpace(strings.Join(resp.Header["Content-Encoding"], ","))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		unzipped, err := gzip.NewReader(src)
		if err != nil {
			return nil, refusal.Unreadable.Because("it says gzip and is not")
		}
		src = unzipped
	default:
		return nil, refusal.Unreadable.Because(encoding)
	}
	src, replace, err := showNewKey(c, resp, src, replace)
	if err != nil {
		return nil, refusal.Temporary.Because("its answer broke off: " + redact.Text(err.Error()))
	}
	kind := resp.Header.Get("Content-Type")
	if tokenfilter.KindOf(kind) == tokenfilter.Escaped {
		src = tokenfilter.JSON(src, replace)
	} else {
		src = tokenfilter.Text(src, replace)
	}
	addresses := s.addressesOf(c)
	src = asYoung(c, addresses.WithToken(kind, addresses.Ours(kind, src), c.tokenInAddress()))
	known := func() []redact.Secret { _, k := s.cfg.Identity(); return k }
	return tokenfilter.Guard(src, known, func() { s.withheld(c) }), nil
}

// withheld notes that a real token got past the filter and was caught.
func (s *Server) withheld(c *call) { s.withheldAt(c.r.Context(), c.path) }

func (s *Server) withheldAt(ctx context.Context, path string) {
	s.stats.withheld.Add(1)
	s.log.WarnContext(ctx, "a real token was caught by the last net only", "route", redact.Text(path))
}
