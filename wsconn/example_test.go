package wsconn_test

import (
	"fmt"

	"shelfkeeper/wsconn"
)

// A server tells players by the live socket where a listener is. In the frame "4" is a
// message of Engine.IO, "2" an event of Socket.IO, and the JSON holds the event's name
// and arguments. See that an event prints as its name only: arguments may hold a token.
func ExampleDecode() {
	packet, err := wsconn.Decode([]byte(`42["user_item_progress_updated",{"id":"p1","data":{"currentTime":83.5}}]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	event, ok := packet.Event()
	var update struct {
		Data struct{ CurrentTime float64 }
	}
	if ok && event.First(&update) { // reads the first argument
		fmt.Printf("%s: at %.1f s\n", event.Name, update.Data.CurrentTime)
	}
	fmt.Println("in a log:", event)
	// Output:
	// user_item_progress_updated: at 83.5 s
	// in a log: event user_item_progress_updated
}

// The first event that a player sends signs its socket in. See the frame as it goes over
// the socket, and the error of a frame that broke off: it shows no byte of the frame.
func ExampleEncodeEvent() {
	frame, err := wsconn.EncodeEvent("auth", "local-token")
	fmt.Println(string(frame), err)
	_, err = wsconn.Decode([]byte(`42["unfinished"`))
	fmt.Println(err)
	// Output:
	// 42["auth","local-token"] <nil>
	// not a Socket.IO packet: the payload is not valid
}
