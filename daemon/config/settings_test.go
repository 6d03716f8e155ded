package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is set holds where config.toml says nothing, and is checked as it is.
func TestSettings(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	const written = "store = \"file\"\n[accounts.home]\nlisten = 14000\n[upstream]\nproxy = \"direct\""
	if err := os.WriteFile(file, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	set := func(key string, values ...string) error {
		t.Helper()
		s, err := OpenSettings(dir)
		if err != nil {
			t.Fatal(err)
		}
		cfg, _, err := LoadWith(file, dir)
		if err != nil {
			t.Fatal(err)
		}
		return s.Set(cfg, strings.Split(key, "/"), values)
	}
	load := func() Config {
		t.Helper()
		cfg, trouble, err := LoadWith(file, dir)
		if err != nil || trouble != nil {
			t.Fatal(err, trouble)
		}
		return cfg
	}
	if cfg := load(); cfg.PagePort != StatusPort || !cfg.Given("store") || cfg.Given("page_port") ||
		!cfg.Given("accounts", "home", "listen") {
		t.Errorf("without settings: %+v", cfg)
	}
	for _, c := range []struct {
		key    string
		values []string
	}{
		{"page_port", []string{"14001"}}, {"notifications", []string{"false"}}, {"store", []string{"os"}},
		{"accounts/home/upstream/addresses", []string{" https://abs.example.org ", "", "http://192.168.1.5:13378"}},
		{"accounts/gone/upstream/trust_http", []string{"true"}}, {"extra_hosts", []string{"host.docker.internal"}},
		{"listen_extra", []string{"172.17.0.1"}},
		{"listen_extra_http", []string{"172.17.0.1"}}, {"listen_extra_cert", []string{"/c.pem"}}, {"listen_extra_key", []string{"/k.pem"}},
		{"trusted_origins", []string{"tauri://localhost"}}, {"user_agent", []string{"me/1"}},
		{"log_level", []string{"debug"}}, {"local_access", []string{"grant"}},
	} {
		if err := set(c.key, c.values...); err != nil {
			t.Fatal(err)
		}
	}
	cfg := load()
	for key, want := range map[string]string{
		"page_port": "14001", "notifications": "false", "store": "file", // config.toml stands
		"accounts/home/upstream/addresses":  "https://abs.example.org http://192.168.1.5:13378",
		"accounts/home/upstream/trust_http": "false", "extra_hosts": "host.docker.internal", "listen_extra": "172.17.0.1",
		"listen_extra_http": "172.17.0.1", "listen_extra_cert": "/c.pem", "listen_extra_key": "/k.pem",
		"trusted_origins": "tauri://localhost", "user_agent": "me/1", "log_level": "debug", "local_access": "grant", "nothing": "",
	} {
		if got := strings.Join(cfg.Value(strings.Split(key, "/")...), " "); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if cfg.ListenOf("home") != 14000 || cfg.Upstream("home").Proxy.Reveal() != "direct" {
		t.Error("what config.toml says of the account is lost")
	}
	if err := cfg.CheckAccounts([]string{"home"}); err != nil {
		t.Errorf("a setting of an account that is gone: %v", err)
	}
	if err := cfg.CheckAccounts([]string{"nas"}); err == nil {
		t.Error("config.toml's account is not looked for")
	}
	// What is not in order is not written.
	before, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"page_port":     "14000", // beside config.toml
		"notifications": "perhaps", "store": "cloud", "accounts/home/upstream/addresses": "ftp://x",
		"listen_extra": "0.0.0.0", "xyzzy": "1", "user_agent": "a\r\nb: c",
	} {
		var e *Error
		if err := set(key, value); !errors.As(err, &e) {
			t.Errorf("%s = %s: %v", key, value, err)
		}
	}
	if after, err := os.ReadFile(filepath.Join(dir, settingsFile)); err != nil || !slices.Equal(before, after) {
		t.Errorf("it was written: %s, %v", after, err)
	}
	// What is taken back holds no more, and leaves no empty table.
	for _, key := range []string{"page_port", "accounts/home", "accounts/gone/upstream/trust_http"} {
		if err := set(key); err != nil {
			t.Fatal(err)
		}
	}
	if after, err := os.ReadFile(filepath.Join(dir, settingsFile)); err != nil || strings.Contains(string(after), "accounts") {
		t.Errorf("it stays: %s, %v", after, err)
	}
	if cfg := load(); cfg.PagePort != StatusPort || len(cfg.Value("accounts", "home", "upstream", "addresses")) != 0 {
		t.Errorf("taken back: %+v", cfg)
	}
}

// Settings that cannot hold keep no program from starting.
func TestSettingsInTrouble(t *testing.T) {
	dir := t.TempDir()
	file, own := filepath.Join(dir, "config.toml"), filepath.Join(dir, settingsFile)
	for _, c := range []struct{ desc, file, own, says string }{
		{"damaged", "listen = 14000", "page_port = [", "settings.toml"},
		{"of another version", "listen = 14000", "future = 1", "unknown key"},
		{"in each other's way", "listen = 14000", "page_port = 14000", "status page"},
	} {
		if err := errors.Join(os.WriteFile(file, []byte(c.file), 0o600), os.WriteFile(own, []byte(c.own), 0o600)); err != nil {
			t.Fatal(err)
		}
		cfg, trouble, err := LoadWith(file, dir)
		if err != nil || trouble == nil || !strings.Contains(trouble.Error(), c.says) || cfg.Listen != 14000 || cfg.PagePort != StatusPort {
			t.Errorf("%s: %+v, %v, %v", c.desc, cfg, trouble, err)
		}
	}
	if err := os.WriteFile(file, []byte("listen = 0"), 0o600); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, _, err := LoadWith(file, dir); !errors.As(err, &e) || e.Line != 1 {
		t.Errorf("config.toml itself: %v", err)
	}
}
