package autostart

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// label is the launch agent's name; its file is label.plist.
const label = "app.shelfkeeper.daemon"

// plist returns the plan as a launch agent (launchd.plist(5)).
//
// A crash starts the daemon again; any other end is meant or is no better for
// another start. A browser that the daemon has opened outlives it.
func (p Plan) plist() string {
	var args strings.Builder
	for _, arg := range p.command() {
		args.WriteString("\t\t<string>")
		_ = xml.EscapeText(&args, []byte(arg)) // a Builder takes everything
		args.WriteString("</string>\n")
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ` + mark + ` -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + label + `</string>
	<key>ProgramArguments</key>
	<array>
` + args.String() + `	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>Crashed</key>
		<true/>
	</dict>
	<key>LimitLoadToSessionType</key>
	<string>Aqua</string>
	<key>ProcessType</key>
	<string>Interactive</string>
	<key>AbandonProcessGroup</key>
	<true/>
</dict>
</plist>
`
}

// plistCommand returns the program's arguments in a launch agent.
func plistCommand(text string) ([]string, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	var args []string
	inside := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return args, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "array" {
				inside = true
			}
			if inside && t.Name.Local == "string" {
				var s string
				if err := d.DecodeElement(&s, &t); err != nil {
					return nil, err
				}
				args = append(args, s)
			}
		case xml.EndElement:
			if t.Name.Local == "array" {
				return args, nil
			}
		}
	}
}
