//go:build !darwin && !windows && !systray

package tray

import (
	"maps"
	"sync"

	"github.com/godbus/dbus/v5"
)

// properties are those of one interface of one object on the bus. Their values
// are replaced and never changed, since a panel may be reading them: godbus's
// own prop.Properties (v5.2.4) stores into slices that it may just be sending.
// The exported methods are called over the bus.
type properties struct {
	face string

	mu     sync.Mutex
	values map[string]dbus.Variant
}

func newProperties(face string, values map[string]any) *properties {
	p := &properties{face: face, values: map[string]dbus.Variant{}}
	for name, v := range values {
		p.values[name] = dbus.MakeVariant(v)
	}
	return p
}

func (p *properties) set(name string, value any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values[name] = dbus.MakeVariant(value)
}

// Get returns one property.
func (p *properties) Get(face, name string) (dbus.Variant, *dbus.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.values[name]
	if face != p.face || !ok {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{"no property " + face + "." + name})
	}
	return v, nil
}

// GetAll returns every property.
func (p *properties) GetAll(face string) (map[string]dbus.Variant, *dbus.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if face != p.face {
		return map[string]dbus.Variant{}, nil
	}
	return maps.Clone(p.values), nil
}

// Set refuses.
func (p *properties) Set(face, name string, _ dbus.Variant) *dbus.Error {
	return dbus.NewError("org.freedesktop.DBus.Error.PropertyReadOnly", []any{face + "." + name + " is read-only"})
}
