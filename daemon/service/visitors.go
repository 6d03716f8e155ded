package service

import (
	"context"
	"time"

	"shelfkeeper/daemon/health"
)

// visitorsPause lies between a visit and its writing: several programs that start
// at one time are one write, and the names of all are known by then.
const visitorsPause = 5 * time.Second

// visitors are the programs that were let in.
func (s *Service) visitors() (list []health.Visitor) {
	for _, v := range s.proxy.Visitors() {
		list = append(list, health.Visitor{Program: v.Program, Grant: v.Grant, Scope: string(v.Scope), Requests: v.Requests,
			Last: health.At(v.Last)})
	}
	return list
}

// visited says that there is something to write down.
func (s *Service) visited() {
	select {
	case s.visits <- struct{}{}:
	default:
	}
}

// writeVisitors writes the programs that came down, some time after there is news
// and at the end.
func (s *Service) writeVisitors(ctx context.Context) {
	news := false
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-s.visits:
			news = true
		}
		timer := time.NewTimer(visitorsPause)
		select {
		case <-timer.C:
			s.keepVisitors(s.proxy.Visitors())
			news = false
		case <-ctx.Done():
		}
		timer.Stop()
	}
	select {
	case <-s.visits:
		news = true
	default:
	}
	if news {
		s.keepVisitors(s.proxy.Visitors())
	}
}
