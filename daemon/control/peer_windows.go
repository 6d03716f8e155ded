package control

import (
	"net"
	"sync"

	"golang.org/x/sys/windows"
)

// currentUser is the SID of the user we run as, "" if the system does not say.
var currentUser = sync.OnceValue(func() string { return userOf(windows.CurrentProcess()) })

// peerOf asks the system for the user of the process at the other end of a pipe.
// The pipe's access list lets no other user in; but a pipe of its name, made by
// another user before ours, would get our requests.
func peerOf(conn net.Conn) peer {
	pipe, ok := conn.(interface{ Fd() uintptr })
	if !ok {
		return peer{}
	}
	handle := windows.Handle(pipe.Fd())
	const serverEnd = 1 // PIPE_SERVER_END
	var flags, pid uint32
	if windows.GetNamedPipeInfo(handle, &flags, nil, nil, nil) != nil {
		return peer{}
	}
	ask := windows.GetNamedPipeServerProcessId
	if flags&serverEnd != 0 {
		ask = windows.GetNamedPipeClientProcessId
	}
	if ask(handle, &pid) != nil {
		return peer{}
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return peer{}
	}
	defer windows.CloseHandle(process)
	return peer{user: userOf(process)}
}

// userOf is the SID of a process's user.
func userOf(process windows.Handle) string {
	var token windows.Token
	if windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token) != nil {
		return ""
	}
	defer token.Close()
	user, err := token.GetTokenUser()
	if err != nil {
		return ""
	}
	return user.User.Sid.String()
}
