package assets

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Plasma paints what has one of its classes and "currentColor", within an
// element of the id that it looks for.
func TestSymbolicIconsArePainted(t *testing.T) {
	seen := map[string]Mark{}
	for _, m := range append(marks, 17) {
		data := string(Symbolic(m))
		if other, ok := seen[data]; ok && m != 17 {
			t.Errorf("%v and %v are one drawing", m, other)
		}
		seen[data] = m
		d := xml.NewDecoder(strings.NewReader(data))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v: %v", m, err)
			}
			e, ok := token.(xml.StartElement)
			if !ok || e.Name.Local != "path" {
				continue
			}
			attrs := map[string]string{}
			for _, a := range e.Attr {
				attrs[a.Name.Local] = a.Value
			}
			if !strings.HasPrefix(attrs["class"], "ColorScheme-") || attrs["fill"] != "currentColor" ||
				!strings.Contains(data, "."+attrs["class"]+"{") {
				t.Errorf("%v: %v", m, attrs)
			}
		}
		if !strings.Contains(data, `id="current-color-scheme"`) {
			t.Errorf("%v: nothing names its colours", m)
		}
		if dir := os.Getenv("SHELFKEEPER_SHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, "symbolic-"+m.String()+".svg"), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seen[string(Symbolic(17))] != 17 || string(Symbolic(17)) != string(Symbolic(NeedsUser)) {
		t.Error("an unknown mark must look as NeedsUser")
	}
}
