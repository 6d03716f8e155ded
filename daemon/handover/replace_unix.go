//go:build unix

package handover

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"shelfkeeper/daemon/redact"
)

// variable tells the next program what it inherits: the process it is for, the
// descriptors of the sockets, and that of a pipe with a passphrase.
const variable = "SHELFKEEPER_HANDOVER"

// maxInherited bounds what is believed: a few addresses for each of many accounts.
const maxInherited = 1024

// maxPassphrase is what every system's pipe takes without a reader.
const maxPassphrase = 4096

// Replace runs another program in the place of this process, which keeps its
// number, its terminal and its service manager. The program finds the kept sockets
// and the passphrase by Inherited. Everything else must be closed before: nothing
// of this program runs any more. It returns only with an error, and the sockets
// are kept then as before.
func (s *Sockets) Replace(program string, argv, env []string, passphrase redact.Secret) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	pass, err := passphrasePipe(passphrase)
	if err != nil {
		return err
	}
	if pass != nil {
		defer pass.Close()
	}
	fds := make([]string, 0, len(s.kept))
	for _, k := range s.kept {
		fds = append(fds, strconv.Itoa(int(k.file.Fd())))
	}
	passFD := ""
	if pass != nil {
		passFD = strconv.Itoa(int(pass.Fd()))
	}
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasPrefix(v, variable+"=") })
	env = append(env, fmt.Sprintf("%s=%d;%s;%s", variable, os.Getpid(), strings.Join(fds, ","), passFD))
	err = s.inheritable(pass, true)
	if err == nil {
		err = unix.Exec(program, argv, env)
	}
	return errors.Join(fmt.Errorf("run %s: %w", program, err), s.inheritable(pass, false))
}

// inheritable lets the next program have the descriptors, or children of this one
// not.
func (s *Sockets) inheritable(pass *os.File, yes bool) error {
	flag := unix.FD_CLOEXEC
	if yes {
		flag = 0
	}
	files := []*os.File{}
	for _, k := range s.kept {
		files = append(files, k.file)
	}
	if pass != nil {
		files = append(files, pass)
	}
	for _, f := range files {
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, flag); err != nil {
			return fmt.Errorf("hand a socket over: %w", err)
		}
	}
	return nil
}

// passphrasePipe returns the end of a pipe from which the passphrase can be read
// once; nil for none.
func passphrasePipe(passphrase redact.Secret) (*os.File, error) {
	if passphrase.IsEmpty() {
		return nil, nil
	}
	text := passphrase.Reveal()
	if len(text) > maxPassphrase {
		return nil, errors.New("the passphrase is too long to be handed over")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(w, text)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Inherited returns what the program before has left in this process, and makes
// sure that no child inherits it. It is called once, before anything else opens a
// file. A variable that is not about this process counts for nothing; replaced says
// that it is.
func Inherited() (s *Sockets, passphrase redact.Secret, replaced bool) {
	s = &Sockets{}
	value, set := os.LookupEnv(variable)
	_ = os.Unsetenv(variable) // it fails for a bad name only
	pid, rest, ok := strings.Cut(value, ";")
	if !set || !ok || pid != strconv.Itoa(os.Getpid()) {
		return s, redact.Secret{}, false
	}
	fds, passFD, _ := strings.Cut(rest, ";")
	for i, text := range strings.Split(fds, ",") {
		if file := inheritedFile(text); file != nil && i < maxInherited {
			s.adopt(file)
		}
	}
	pass := inheritedFile(passFD)
	if pass == nil {
		return s, redact.Secret{}, true
	}
	defer pass.Close()
	text, err := io.ReadAll(io.LimitReader(pass, maxPassphrase))
	if err != nil {
		return s, redact.Secret{}, true // it is asked for
	}
	return s, redact.New(string(text)), true
}

// inheritedFile returns the file of a descriptor that is open, nil for any other
// text. Standard streams are not inherited in this way.
func inheritedFile(text string) *os.File {
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return nil
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), "inherited")
}

// adopt keeps a socket that listens; whatever else it is is closed.
func (s *Sockets) adopt(file *os.File) {
	l, err := net.FileListener(file)
	if err != nil {
		_ = file.Close()
		return
	}
	s.kept = append(s.kept, kept{l.Addr().String(), file})
	_ = l.Close() // a copy
}
