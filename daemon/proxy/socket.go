package proxy

import (
	"context"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"shelfkeeper/wsconn"
)

// enginePath is where the live socket is. The server minds the case and the
// slash at its end (engine.io 6: lib/server).
const enginePath = "/socket.io/"

// maxFrame is what the server itself takes from a client (abs: Socket.IO's
// default maxHttpBufferSize; measured on 2.36.0).
const maxFrame = 1_000_000

// sockets are the players' live sockets. Each one ends here, and has a socket
// of its own at the server while its player is signed in.
type sockets struct {
	hall *wsconn.SessionServer
	ctx  context.Context // of all joints
	stop context.CancelFunc

	running sync.WaitGroup
	mu      sync.Mutex
	joints  map[*joint]struct{}
	me      reader
}

func newSockets(s *Server) *sockets {
	ctx, stop := context.WithCancel(context.Background())
	return &sockets{hall: wsconn.NewSessionServer(), ctx: ctx, stop: stop, joints: map[*joint]struct{}{}, me: reader{server: s}}
}

// close ends every socket and waits.
func (s *sockets) close() {
	s.hall.Close(websocket.CloseGoingAway)
	s.stop()
	s.running.Wait()
}

func (s *sockets) each(f func(*joint)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for j := range s.joints {
		f(j)
	}
}

// liveSocket answers a request of a player's live socket, whatever its
// transport, and stays with a WebSocket until it is gone.
func (s *Server) liveSocket(w http.ResponseWriter, c *call) {
	s.sockets.hall.Serve(w, c.r, c.caller.Grant+" "+c.caller.SignIn, func(e *wsconn.PlayerConn) wsconn.Player {
		j := newJoint(s, c.caller, e)
		s.sockets.mu.Lock()
		s.sockets.joints[j] = struct{}{}
		s.sockets.mu.Unlock()
		s.sockets.running.Go(func() {
			j.run(s.sockets.ctx)
			s.sockets.mu.Lock()
			delete(s.sockets.joints, j)
			s.sockets.mu.Unlock()
		})
		return j
	})
}

// NetworkChanged says that the network has changed or time has jumped: every
// player's socket at the server is asked whether it lives, and those that wait
// try again now. It returns at once.
func (s *Server) NetworkChanged(reason string) {
	s.sockets.each(func(j *joint) {
		if up := j.upstream(); up != nil {
			up.Check(reason)
		}
	})
}

func (s *Server) stirSockets() {
	s.sockets.each(func(j *joint) {
		if up := j.upstream(); up != nil {
			up.PlayersActive()
		}
	})
}
