package memory

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// releaseProgramFile takes the pages of the program file out of this process. It only
// saves memory, so a failure is of no consequence.
func releaseProgramFile() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	table, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for _, m := range mappingsOf(table, program) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ from, to uintptr }

// mappingsOf returns where a program's file is mapped and cannot be written to: what is
// dropped there comes from the file again. table is a /proc/PID/maps (proc_pid_maps(5)).
func mappingsOf(table []byte, program string) (found []mapping) {
	for line := range bytes.Lines(table) {
		fields := bytes.Fields(line)
		if len(fields) < 6 || len(fields[1]) < 4 || fields[1][0] != 'r' || fields[1][1] != '-' {
			continue
		}
		path := line[bytes.Index(line, fields[5]):]
		if string(bytes.TrimRight(path, "\n")) != program {
			continue
		}
		first, last, _ := bytes.Cut(fields[0], []byte("-"))
		from, err1 := strconv.ParseUint(string(first), 16, strconv.IntSize)
		to, err2 := strconv.ParseUint(string(last), 16, strconv.IntSize)
		if err1 == nil && err2 == nil && from < to {
			found = append(found, mapping{uintptr(from), uintptr(to)})
		}
	}
	return found
}
