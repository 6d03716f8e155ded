package accounts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func sample(name string) Account {
	return Account{Name: name, Server: "https://abs.example/books", Username: "bob", UserID: "u-1", Method: Password, Store: "os"}
}

func open(t testing.TB, dir string) *Book {
	t.Helper()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAddFillsIn(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	b := open(t, dir)
	before := time.Now().Add(-time.Second)
	first := sample("")
	first.Server = "https://ABS.example/books/"
	got, err := b.Add(ctx, first, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "abs-example-bob" || got.Server != "https://abs.example/books" || got.Port != 13379 || got.CreatedAt.Before(before) {
		t.Errorf("got %+v", got)
	}
	for i, want := range []int{13381, 13382, 14000, 13383} {
		a := sample(fmt.Sprintf("n%d", i))
		if i == 2 {
			a.Port = 14000
		}
		if got, err := b.Add(ctx, a, 0, nil); err != nil || got.Port != want {
			t.Errorf("got port %d, %v; want %d", got.Port, err, want)
		}
	}
	if got, err := b.Add(ctx, sample("configured"), 15000, nil); err != nil || got.Port != 15000 {
		t.Errorf("a configured first port gives %d, %v", got.Port, err)
	}
	if again := open(t, dir).All(); !reflect.DeepEqual(again, b.All()) || len(again) != 6 {
		t.Errorf("read back %+v\nwant %+v", again, b.All())
	}
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestRefusals(t *testing.T) {
	with := func(edit func(*Account)) Account {
		a := sample("other")
		edit(&a)
		return a
	}
	b := open(t, t.TempDir())
	if _, err := b.Add(t.Context(), sample("home"), 0, nil); err != nil {
		t.Fatal(err)
	}
	before := b.All()
	for _, c := range []struct {
		desc string
		a    Account
		want error
	}{
		{"name taken", sample("home"), ErrExists},
		{"the same user, unnamed", with(func(a *Account) { a.Name, a.Server = "", "https://abs.EXAMPLE/books/" }), ErrExists},
		{"port taken", with(func(a *Account) { a.Port = 13379 }), ErrPort},
		{"port of the page", with(func(a *Account) { a.Port = 13380 }), ErrInvalid},
		{"port too high", with(func(a *Account) { a.Port = 65536 }), ErrInvalid},
		{"port negative", with(func(a *Account) { a.Port = -1 }), ErrInvalid},
		{"name with a dot", with(func(a *Account) { a.Name = "../x" }), ErrInvalid},
		{"no server", with(func(a *Account) { a.Server = "" }), ErrInvalid},
		{"server without scheme", with(func(a *Account) { a.Server = "abs.example" }), ErrInvalid},
		{"server of another scheme", with(func(a *Account) { a.Server = "ftp://abs.example" }), ErrInvalid},
		{"server with a password", with(func(a *Account) { a.Server = "https://bob:s3cret@abs.example" }), ErrInvalid},
		{"broken server with a password", with(func(a *Account) { a.Server = "https://bob:s3cret@abs.example\x7f" }), ErrInvalid},
		{"server with a query", with(func(a *Account) { a.Server = "https://abs.example/?token=s3cret" }), ErrInvalid},
		{"method", with(func(a *Account) { a.Method = "magic" }), ErrInvalid},
		{"store", with(func(a *Account) { a.Store = "" }), ErrInvalid},
	} {
		t.Run(c.desc, func(t *testing.T) {
			_, err := b.Add(t.Context(), c.a, 0, nil)
			if !errors.Is(err, c.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if c.want != ErrExists {
				if err := b.Put(t.Context(), c.a); !errors.Is(err, c.want) {
					t.Errorf("Put: got %v, want %v", err, c.want)
				}
			}
		})
	}
	if err := b.Remove(t.Context(), "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := b.Reload(); err != nil || !reflect.DeepEqual(b.All(), before) {
		t.Errorf("the file changed: %+v, %v", b.All(), err)
	}
}

func TestPutKeepsWhatIsNotGiven(t *testing.T) {
	b := open(t, t.TempDir())
	old, err := b.Add(t.Context(), sample("home"), 14000, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := sample("home")
	changed.ServerVersion, changed.Store = "2.36.0", "file"
	if err := b.Put(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	got, ok := b.Get("home")
	if !ok || got.Port != 14000 || !got.CreatedAt.Equal(old.CreatedAt) || got.ServerVersion != "2.36.0" || got.Store != "file" {
		t.Errorf("got %+v", got)
	}
}

func TestLookups(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "not there yet"))
	if _, ok := b.Default(); ok || len(b.All()) != 0 {
		t.Error("a new book is not empty")
	}
	if err := b.Put(t.Context(), sample("home")); err == nil {
		t.Error("a directory that is not there was written to")
	}
	b = open(t, t.TempDir())
	if err := b.Put(t.Context(), sample("home")); err != nil {
		t.Fatal(err)
	}
	if a, ok := b.Default(); !ok || a.Name != "home" {
		t.Errorf("default %+v, %v", a, ok)
	}
	if a, ok := b.Find("https://abs.example/books/", "bob"); !ok || a.Name != "home" {
		t.Errorf("found %+v, %v", a, ok)
	}
	if _, ok := b.Find("https://abs.example/books", "eve"); ok {
		t.Error("found another user")
	}
	b.All()[0].Name = "changed by the caller"
	if _, ok := b.Get("home"); !ok {
		t.Error("All gives away its own list")
	}
	if err := b.Put(t.Context(), sample("work")); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Default(); ok {
		t.Error("two accounts have no default")
	}
}

// Goroutines on one Book and on Books of their own add at once: none is lost
// and no two get the same port or name.
func TestConcurrentAddsLoseNothing(t *testing.T) {
	dir := t.TempDir()
	shared := open(t, dir)
	const each, workers = 5, 4
	var wg sync.WaitGroup
	for w := range workers {
		b := shared
		if w%2 == 1 {
			b = open(t, dir)
		}
		wg.Go(func() {
			for i := range each {
				a := sample("")
				a.Username = fmt.Sprintf("user%d-%d", w, i)
				if _, err := b.Add(context.Background(), a, 0, nil); err != nil {
					t.Errorf("add: %v", err)
				}
				if err := b.Reload(); err != nil {
					t.Errorf("reload: %v", err)
				}
				if _, ok := b.Find(a.Server, a.Username); !ok {
					t.Errorf("%s is gone", a.Username)
				}
			}
		})
	}
	wg.Wait()
	// Reading refuses equal names and ports, so that counting is enough.
	if n := len(open(t, dir).All()); n != each*workers {
		t.Errorf("%d accounts, want %d", n, each*workers)
	}
}

func TestCancelledWaitChangesNothing(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	release, err := b.file.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := b.Put(ctx, sample("home")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	release()
	if err := b.Put(t.Context(), sample("home")); err != nil {
		t.Errorf("after the release: %v", err)
	}
}

// A model of a plain slice and the Book agree after any series of calls, and
// a second Book reads the same from disk.
func TestBookLikeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "accounts")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		b, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		var model []string
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			i := slices.Index(model, name)
			switch rapid.SampledFrom([]string{"add", "put", "remove"}).Draw(t, "call") {
			case "add":
				if _, err := b.Add(context.Background(), sample(name), 0, nil); (err == nil) != (i < 0) {
					t.Fatalf("add %s: %v", name, err)
				} else if err == nil {
					model = append(model, name)
				}
			case "put":
				if err := b.Put(context.Background(), sample(name)); err != nil {
					t.Fatalf("put %s: %v", name, err)
				} else if i < 0 {
					model = append(model, name)
				}
			case "remove":
				if err := b.Remove(context.Background(), name); (err == nil) != (i >= 0) {
					t.Fatalf("remove %s: %v", name, err)
				} else if err == nil {
					model = slices.Delete(model, i, i+1)
				}
			}
		}
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, a := range again.All() {
			names = append(names, a.Name)
		}
		if !slices.Equal(names, model) || !reflect.DeepEqual(again.All(), b.All()) && len(model) > 0 {
			t.Fatalf("read %q, model %q", names, model)
		}
	})
}

func TestFindTakesNamesAsTheServerDoes(t *testing.T) {
	b, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Add(t.Context(), Account{Server: "http://abs.test", Username: "root", UserID: "1", Method: Password,
		Store: "os"}, 0, nil); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Find("http://abs.test", "ROOT"); !ok {
		t.Error("ROOT is not root")
	}
	if _, ok := b.Find("http://abs.test", "rooot"); ok {
		t.Error("rooot is root")
	}
}
