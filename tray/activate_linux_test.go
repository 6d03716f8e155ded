//go:build !systray

package tray

import "testing"

// Panels that show no menu for a left click call Activate: the status page
// opens. Every other click is refused, so that they open the menu.
func TestClickOnTheIconOpensTheStatusPage(t *testing.T) {
	_, _, h, item, r := shown(t)
	object := h.conn.Object(item.name, itemPath)
	if err := object.Call(itemFace+".Activate", 0, int32(1), int32(1)).Err; err != nil {
		t.Fatal(err)
	}
	eventually(t, "the page opens", r.out.has("open "+pageLink, 1))
	if err := object.Call(itemFace+".SecondaryActivate", 0, int32(1), int32(1)).Err; err == nil {
		t.Error("a middle click is taken")
	}
}

func TestSwitchesHaveACheckmark(t *testing.T) {
	for _, c := range []struct {
		mark  Mark
		state any
	}{{Unmarked, nil}, {SwitchedOff, int32(0)}, {SwitchedOn, int32(1)}} {
		props := lineProps(Line{Text: "x", Mark: c.mark})
		if got := props["toggle-state"].Value(); got != c.state {
			t.Errorf("%v: state %v", c.mark, got)
		}
		if _, ok := props["toggle-type"]; ok != (c.mark != Unmarked) {
			t.Errorf("%v: %v", c.mark, props)
		}
	}
}
