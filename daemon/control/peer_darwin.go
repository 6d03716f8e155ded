package control

import "golang.org/x/sys/unix"

// peerUID reads LOCAL_PEERCRED (unix(4)), on which getpeereid(3) is built too.
func peerUID(fd int) (int, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
