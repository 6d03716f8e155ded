package memory

import (
	"os"
	"reflect"
	"testing"
)

func TestMappingsOfProgram(t *testing.T) {
	const table = `00400000-00cd6000 r-xp 00000000 fe:00 13469779                           /opt/shelf keeper/shelfkeeper
00cd6000-015d8000 r--p 008d6000 fe:00 13469779                           /opt/shelf keeper/shelfkeeper
015d8000-01667000 rw-p 011d8000 fe:00 13469779                           /opt/shelf keeper/shelfkeeper
01667000-036b0000 rw-p 00000000 00:00 0 
036b0000-036c0000 r--p 00000000 fe:00 99                                 /opt/shelf keeper/shelfkeeper.old
7f92fbe0a000-7f92fc100000 r--p 00000000 fe:00 12                         /usr/lib/libc.so.6
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
broken
`
	want := []mapping{{0x400000, 0xcd6000}, {0xcd6000, 0x15d8000}}
	if got := mappingsOf([]byte(table), "/opt/shelf keeper/shelfkeeper"); !reflect.DeepEqual(got, want) {
		t.Errorf("%x", got)
	}
}

// The program goes on after its file's pages are gone, and needs fewer of them.
func TestReleaseProgramFile(t *testing.T) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	if len(mappingsOf(table, program)) == 0 {
		t.Fatal("the program file is mapped nowhere")
	}
	for range 3 {
		releaseProgramFile()
		t.Run("goes on", func(t *testing.T) { t.Setenv("SHELFKEEPER_TEST", "x") })
	}
}
