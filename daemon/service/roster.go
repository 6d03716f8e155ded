package service

import (
	"context"
	"errors"
	"sync"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
	"shelfkeeper/keychain"
)

// Roster is the accounts that are served, in the order in which that began.
type Roster struct {
	serving sync.Mutex // held while the service of an account is made or replaced

	mu   sync.Mutex
	list []*Service
}

// All returns the services of this moment.
func (r *Roster) All() []*Service {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Service(nil), r.list...)
}

// Find returns the service of an account, or of the only one for ""; nil for none.
func (r *Roster) Find(name string) *Service {
	list := r.All()
	if name == "" && len(list) == 1 {
		return list[0]
	}
	for _, s := range list {
		if s.account.Name == name {
			return s
		}
	}
	return nil
}

// Add puts a service on the list that is yet to start.
func (r *Roster) Add(s *Service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, s)
}

// Start starts every service on the list.
func (r *Roster) Start(changed func()) {
	for _, s := range r.All() {
		s.Start(changed)
	}
}

// Serve begins to serve an account, in place of a service of it that has another
// server, port, user or method. One that fits only reads again what may be new.
func (r *Roster) Serve(a accounts.Account, make func(accounts.Account) (*Service, error), changed func()) error {
	r.serving.Lock()
	defer r.serving.Unlock()
	if s := r.Find(a.Name); s != nil {
		old := s.account
		if old.Server == a.Server && old.Port == a.Port && old.UserID == a.UserID && old.Username == a.Username && old.Method == a.Method {
			s.session.Reload()
			return s.ReloadGateway(context.Background())
		}
		if err := r.Remove(s, changed); err != nil {
			return err
		}
	}
	s, err := make(a)
	if err != nil {
		return err
	}
	s.Start(changed)
	r.Add(s)
	changed()
	return nil
}

// Remove takes a service off the list and ends it.
func (r *Roster) Remove(old *Service, changed func()) error {
	r.mu.Lock()
	for i, s := range r.list {
		if s == old {
			r.list = append(r.list[:i:i], r.list[i+1:]...)
			break
		}
	}
	r.mu.Unlock()
	changed()
	return old.Close()
}

// Snapshots returns the state of every account, under the name that shown gives it.
func (r *Roster) Snapshots(shown func(name string) string) []health.Account {
	list := []health.Account{}
	for _, s := range r.All() {
		a := s.Snapshot()
		if name := shown(a.Name); name != a.Name {
			a.Name, a.Alias = name, name
		}
		list = append(list, a)
	}
	return list
}

// VaultChanged lets every account try that waits for the desktop's keychain.
func (r *Roster) VaultChanged() {
	for _, s := range r.All() {
		if s.account.Store == string(keychain.OS) {
			s.session.VaultChanged()
		}
	}
}

// Alive returns nil when the loop of every account turns.
func (r *Roster) Alive(ctx context.Context) error {
	for _, s := range r.All() {
		if err := s.Alive(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Close ends every service, all at once, and waits for them.
func (r *Roster) Close() error {
	r.mu.Lock()
	list := r.list
	r.list = nil
	r.mu.Unlock()
	var running sync.WaitGroup
	ended := make([]error, len(list))
	for i, s := range list {
		running.Go(func() { ended[i] = s.Close() })
	}
	running.Wait()
	return errors.Join(ended...)
}
