package accounts

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// childEnv makes the test binary a second process: its value is the job.
const childEnv = "SHELFKEEPER_TEST_ACCOUNTS"

const addsPerProcess = 10

func TestMain(m *testing.M) {
	if job := os.Getenv(childEnv); job != "" {
		if err := runChild(job, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func runChild(job, dir string) error {
	if err := prepareChild(job); err != nil {
		return err
	}
	b, err := Open(dir)
	if err != nil {
		return err
	}
	for i := range addsPerProcess {
		a := sample("")
		a.Username = job + strconv.Itoa(i)
		if _, err := b.Add(context.Background(), a, 0, nil); err != nil {
			return err
		}
	}
	return nil
}

func child(t *testing.T, job, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+job)
	return cmd
}

func TestTwoProcessesLoseNothing(t *testing.T) {
	dir := t.TempDir()
	jobs := []string{"left", "right"}
	var running []*exec.Cmd
	for _, job := range jobs {
		cmd := child(t, job, dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	b := open(t, dir)
	if n := len(b.All()); n != len(jobs)*addsPerProcess {
		t.Errorf("%d accounts, want %d", n, len(jobs)*addsPerProcess)
	}
	for _, job := range jobs {
		for i := range addsPerProcess {
			if _, ok := b.Find(sample("").Server, job+strconv.Itoa(i)); !ok {
				t.Errorf("%s%d is lost", job, i)
			}
		}
	}
}
