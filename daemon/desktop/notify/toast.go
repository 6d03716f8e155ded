package notify

import (
	"encoding/xml"
	"strings"
)

// toastXML is a message as Windows reads it. Whatever a server said is escaped. A click
// on the message or its button comes back with the key.
func toastXML(n Notice) string {
	var b strings.Builder
	b.WriteString(`<toast activationType="foreground" launch="` + escaped(n.Key) + `"><visual><binding template="ToastGeneric"><text>`)
	b.WriteString(escaped(n.Title) + `</text><text>` + escaped(n.Body) + `</text></binding></visual><audio silent="true"/>`)
	if n.Label != "" {
		b.WriteString(`<actions><action activationType="foreground" content="` + escaped(n.Label) +
			`" arguments="` + escaped(n.Key) + `"/></actions>`)
	}
	b.WriteString(`</toast>`)
	return b.String()
}

// escaped is a text within XML; what XML cannot hold becomes a replacement character.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
