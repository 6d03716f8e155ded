//go:build profile

package main

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
)

// A build with the tag "profile", which `shelfbench proxy --profile` makes, writes
// profiles into $SHELFKEEPER_PROFILE: the processor's from SIGUSR1 to SIGUSR2, and what
// was allocated at both.
func init() {
	dir := os.Getenv("SHELFKEEPER_PROFILE")
	if dir == "" {
		return
	}
	runtime.MemProfileRate = 8 << 10
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range signals {
			var err error
			if s == syscall.SIGUSR1 {
				err = profileBegins(dir)
			} else {
				pprof.StopCPUProfile()
				err = profileHeap(filepath.Join(dir, "after"))
			}
			if err != nil {
				log.Fatal(err)
			}
		}
	}()
}

func profileBegins(dir string) error {
	if err := profileHeap(filepath.Join(dir, "before")); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, "cpu"))
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(file)
}

// profileHeap writes a profile under a name that it gets when it is whole.
func profileHeap(path string) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	text := fmt.Sprintf("heap %.1f MB, not given back %.1f MB, stacks %.1f MB, the runtime's own %.1f MB, goroutines %d",
		float64(m.HeapInuse)/1e6, float64(m.HeapIdle-m.HeapReleased)/1e6, float64(m.StackInuse)/1e6,
		float64(m.MSpanInuse+m.MCacheInuse+m.GCSys+m.OtherSys+m.BuckHashSys)/1e6, runtime.NumGoroutine())
	if err := os.WriteFile(path+".memory", []byte(text), 0o600); err != nil {
		return err
	}
	runtime.GC()
	file, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	if err := pprof.WriteHeapProfile(file); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}
