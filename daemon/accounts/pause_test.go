package accounts

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestPausesLast(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p, err := OpenPauses(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.Of("home"); ok {
			t.Error("paused before anybody said so")
		}
		timed := Pause{Since: time.Now().UTC(), Until: time.Now().Add(time.Hour).UTC()}
		for name, pause := range map[string]*Pause{"home": &timed, "work": {Since: time.Now().UTC()}, "other": nil} {
			if err := p.Set(name, pause); err != nil {
				t.Fatal(err)
			}
		}
		again, err := OpenPauses(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := again.Of("home"); !ok || !got.Until.Equal(timed.Until) || !got.Since.Equal(timed.Since) {
			t.Errorf("after a restart: %+v, %v", got, ok)
		}
		<-time.After(time.Hour)
		if _, ok := again.Of("home"); ok {
			t.Error("it did not end at its time")
		}
		if _, ok := again.Of("work"); !ok {
			t.Error("a pause without an end ended")
		}
		if err := again.Set("work", nil); err != nil {
			t.Fatal(err)
		}
		if _, ok := again.Of("work"); ok {
			t.Error("it was not resumed")
		}
		if data, err := os.ReadFile(filepath.Join(dir, pausesName)); err != nil ||
			string(data) != "{\n  \"version\": 1,\n  \"accounts\": {}\n}\n" {
			t.Errorf("left behind: %s, %v", data, err)
		}
	})
}

func TestDamagedPausesPauseNothing(t *testing.T) {
	for _, text := range []string{"", "null", "[]", `{"home":{"until":"soon"}}`, "{", "{\"home\":null}"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, pausesName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, _ := OpenPauses(dir)
		if err := p.Set("work", &Pause{Since: time.Now()}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if p, err := OpenPauses(dir); err != nil || p == nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPauseThatCannotBeWrittenChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	p, err := OpenPauses(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Set("home", &Pause{Since: time.Now()}); err == nil {
		t.Fatal("it was written nowhere")
	}
	if _, ok := p.Of("home"); ok {
		t.Error("it is paused until the next start only")
	}
}
