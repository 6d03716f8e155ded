package home

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
)

// The list of programs that came: without a version it is read, of a newer version it is
// left alone, and damaged it is replaced.
func TestVisitorsOfOtherVersions(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	last := now.Format(time.RFC3339)
	for _, c := range []struct{ name, file, first, says string }{
		{"without a version", `[{"program":"curl","agent":"curl/7.88.1","scope":"listen","requests":1,"last":"` + last + `"}]`, "curl", ""},
		{"this version", `{"version":1,"programs":[{"program":"curl","agent":"","scope":"listen","requests":1,"last":"` + last + `"}]}`,
			"curl", ""},
		{"newer", `{"version":2,"programs":{"curl":7}}`, "", "start that version; it was left as it is"},
		{"newer, at the end", `{"people":[],"version":99}`, "", "written by a newer version of Shelfkeeper"},
		{"damaged", `{"version":1,"programs":7}`, "", "which programs came before is not known"},
		{"empty", ``, "", "which programs came before is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := testHome(t, newFake(t, absfake.Config{}))
			answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			h.Log = slog.New(slog.NewTextHandler(&log, nil))
			path := h.visitorsPath(answer.Account)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			got := h.Visitors(answer.Account)
			if (c.first != "") != (len(got) == 1) || len(got) == 1 && got[0].Program != c.first ||
				!strings.Contains(log.String(), c.says) ||
				c.says == "" && log.Len() > 0 {
				t.Errorf("read: %+v, log: %s", got, log.String())
			}
			h.KeepVisitors(answer.Account, []proxy.Visitor{{Program: "mpv", Scope: "listen", Last: now}})
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(c.name, "newer") {
				if string(data) != c.file {
					t.Errorf("it is %s now", data)
				}
			} else if got := h.Visitors(answer.Account); !strings.HasPrefix(string(data), `{"version":1,`) || len(got) != 1 ||
				got[0].Program != "mpv" {
				t.Errorf("written: %s, read: %+v", data, got)
			}
		})
	}
}
