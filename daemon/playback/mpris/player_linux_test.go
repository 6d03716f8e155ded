package mpris

import (
	"os"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// What a player says of itself may be of any type; what is not understood is not known.
func TestRead(t *testing.T) {
	of := func(status, position, url, track any) map[string]dbus.Variant {
		about := map[string]dbus.Variant{}
		if url != nil {
			about["xesam:url"] = dbus.MakeVariant(url)
		}
		if track != nil {
			about["mpris:trackid"] = dbus.MakeVariant(track)
		}
		return map[string]dbus.Variant{"PlaybackStatus": dbus.MakeVariant(status), "Position": dbus.MakeVariant(position),
			"Metadata": dbus.MakeVariant(about)}
	}
	for _, c := range []struct {
		desc string
		all  map[string]dbus.Variant
		want State
	}{
		{"as specified", of("Playing", int64(1500000), "http://x/a", dbus.ObjectPath("/t/1")),
			State{URL: "http://x/a", Playing: true, Position: 1500 * time.Millisecond, track: "/t/1"}},
		{"unsigned, and a text for the track", of("Paused", uint64(7), "u", "/t/2"),
			State{URL: "u", Position: 7 * time.Microsecond, track: "/t/2"}},
		{"a float", of("Stopped", 2e6, "u", nil), State{URL: "u", Stopped: true, Position: 2 * time.Second}},
		{"32 bits", of("Playing", int32(5), "u", nil), State{URL: "u", Playing: true, Position: 5 * time.Microsecond}},
		{"a text for the place", of("Playing", "1", "u", int64(4)), State{URL: "u", Playing: true, Position: -1}},
		{"negative", of("Playing", int64(-5), "u", nil), State{URL: "u", Playing: true, Position: -1}},
		{"beyond every book", of("Playing", int64(1<<62), "u", nil), State{URL: "u", Playing: true, Position: -1}},
		{"unsigned, beyond every book",
			of("Playing", uint64(1<<63), "u", nil), State{URL: "u", Playing: true, Position: -1}},
		{"a number for the address", of(int32(1), int64(0), int64(1), nil), State{}},
		{"nothing", nil, State{Position: -1}},
		{"metadata that is none", map[string]dbus.Variant{"Metadata": dbus.MakeVariant("x")}, State{Position: -1}},
	} {
		if got := read(c.all); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.desc, got, c.want)
		}
	}
}

func TestInFamily(t *testing.T) {
	if !inFamily(os.Getpid(), os.Getppid()) || !inFamily(os.Getpid(), os.Getpid()) {
		t.Error("a child is of the family")
	}
	if inFamily(os.Getppid(), os.Getpid()) || inFamily(0, os.Getpid()) || inFamily(1<<30, os.Getpid()) {
		t.Error("a parent, and what is none, are not")
	}
}
