package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
)

// maxCover bounds a small picture.
const maxCover = 1 << 20

// Cover returns a small picture of an item, and its type.
func (s *Server) Cover(ctx context.Context, item string) (kind string, picture []byte, err error) {
	if !library.IsID(item) {
		return "", nil, errors.New("no item has such an id")
	}
	if !s.enter() {
		return "", nil, http.ErrServerClosed
	}
	defer s.handlers.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	path := "/api/items/" + item + "/cover"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return "", nil, err
	}
	r.URL.RawQuery = "width=144"
	c := &call{server: s, r: r, path: path, raw: path, needs: withBearer}
	x := &exchange{cut: cut{cancel}, watchdog: s.broadcast.NewWatchdog()}
	defer x.watchdog.Over()
	x.watchdog.Watch(cancel)
	if no := s.fetch(ctx, x, c, &body{}); no != nil {
		return "", nil, errors.New(no.Cause)
	}
	defer x.resp.Body.Close()
	kind = x.resp.Header.Get("Content-Type")
	switch kind, _, _ = strings.Cut(kind, ";"); kind {
	case "image/jpeg", "image/png", "image/webp":
	default: // an SVG may hold scripts
		return "", nil, fmt.Errorf("its cover is %q", redact.Text(kind))
	}
	if x.resp.StatusCode != http.StatusOK {
		return "", nil, fmt.Errorf("the server answers %d", x.resp.StatusCode)
	}
	known := func() []redact.Secret { _, k := s.cfg.Identity(); return k }
	picture, err = io.ReadAll(io.LimitReader(tokenfilter.Guard(x.resp.Body, known, func() { s.withheld(c) }), maxCover+1))
	if err == nil && len(picture) > maxCover {
		err = errors.New("the picture is too large")
	}
	return kind, picture, err
}
