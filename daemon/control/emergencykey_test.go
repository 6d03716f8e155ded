package control

import (
	"context"
	"reflect"
	"testing"
	"time"
)

// keyDouble is a daemon that keeps emergency keys.
type keyDouble struct {
	*double
	account string
	days    int
}

func (d *keyDouble) KeepEmergencyKey(_ context.Context, account string, days int) (EmergencyKeyView, error) {
	d.account, d.days = account, days
	return EmergencyKeyView{Account: "home", EndsAt: time.Unix(1_800_000_000, 0).UTC(), Notes: []string{"ü"}}, nil
}

func (d *keyDouble) DropEmergencyKey(_ context.Context, account string) (EmergencyKeyView, error) {
	d.account, d.days = account, 0
	return EmergencyKeyView{Account: "home"}, nil
}

func TestEmergencyKeyCrosses(t *testing.T) {
	d := &keyDouble{double: newDouble()}
	_, path, _ := serve(t, d)
	got, err := Dial(path).KeepEmergencyKey(t.Context(), "home", 9)
	want := EmergencyKeyView{Account: "home", EndsAt: time.Unix(1_800_000_000, 0).UTC(), Notes: []string{"ü"}}
	if err != nil || !reflect.DeepEqual(got, want) || d.account != "home" || d.days != 9 {
		t.Errorf("got %+v, %v; arrived %q, %d", got, err, d.account, d.days)
	}
	if got, err := Dial(path).DropEmergencyKey(t.Context(), ""); err != nil || got.Account != "home" || !got.EndsAt.IsZero() ||
		d.account != "" {
		t.Errorf("got %+v, %v; arrived %q", got, err, d.account)
	}
}
