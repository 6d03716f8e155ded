package keychain

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
)

// fault is how a store misbehaves at its next writes.
type fault int

const (
	works     fault = iota
	failsNone       // an error, and nothing was written
	failsDone       // an error, and it was written all the same
	failsLate       // an error, and it is written later
	empties         // an error, and an empty item is left (gnome-keyring killed)
	lies            // no error, and nothing was written
	garbles         // no error, and something else was written
	locked          // every call answers ErrLocked
)

var faults = []fault{works, failsNone, failsDone, failsLate, empties, lies, garbles, locked}

var errInjected = errors.New("injected")

// faultStore is a keychain that several vaults share.
type faultStore struct {
	mu    sync.Mutex
	items map[string]string
	fault fault
	late  []func()
	gets  map[string]int
	calls int
}

func newFaultStore() *faultStore {
	return &faultStore{items: map[string]string{}, gets: map[string]int{}}
}

// clone returns a healthy copy, without what may still be written late.
func (s *faultStore) clone() *faultStore {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := newFaultStore()
	maps.Copy(c.items, s.items)
	return c
}

func (s *faultStore) set(_ context.Context, item, value string) error {
	return s.write(item, func() { s.items[item] = value }, value)
}

func (s *faultStore) delete(_ context.Context, item string) error {
	return s.write(item, func() { delete(s.items, item) }, "")
}

func (s *faultStore) write(item string, do func(), value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	f := s.fault
	if item == keyItem && f != locked {
		f = works
	}
	switch f {
	case failsNone:
		return errInjected
	case failsDone:
		do()
		return errInjected
	case failsLate:
		s.late = append(s.late, do)
		return errInjected
	case empties:
		s.items[item] = ""
		return errInjected
	case lies:
		return nil
	case garbles:
		s.items[item] = strings.ToUpper(value) + "x"
		return nil
	case locked:
		return ErrLocked
	}
	do()
	return nil
}

func (s *faultStore) get(_ context.Context, item string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.gets[item]++
	if s.fault == locked {
		return "", ErrLocked
	}
	if value := s.items[item]; value != "" {
		return value, nil
	}
	return "", ErrNotFound
}

// arrive lets the late writes happen.
func (s *faultStore) arrive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, do := range s.late {
		do()
	}
	s.late = nil
}

func (s *faultStore) be(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// vaultOn is a vault on given files and items, as a process would open it.
func vaultOn(f files, s store) *Vault {
	v := newVault(nil)
	v.backend, v.files, v.store = Memory, f, s
	return v
}
