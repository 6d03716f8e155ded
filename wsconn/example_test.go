package wsconn_test

import (
	"fmt"

	"shelfkeeper/wsconn"
)

// A frame of the live socket: "4" is a message of Engine.IO, "2" an event of
// Socket.IO, and the JSON holds the event's name and arguments.
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
	fmt.Println(event.Name, ok, event.First(&update), update.Data.CurrentTime)
	fmt.Println(event) // arguments may hold a token, so an event prints as its name
	// Output:
	// user_item_progress_updated true true 83.5
	// event user_item_progress_updated
}

// An event on its way to the server or to a player.
func ExampleEncodeEvent() {
	frame, err := wsconn.EncodeEvent("auth", "token of this player")
	fmt.Println(string(frame), err)
	_, err = wsconn.Decode([]byte(`42["unfinished"`))
	fmt.Println(err)
	// Output:
	// 42["auth","token of this player"] <nil>
	// not a Socket.IO packet: the payload is not valid
}
