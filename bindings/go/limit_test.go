// SPDX-License-Identifier: MIT

package copas_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"copas"
)

// TestAcceptGoesOnAfterALackOfDescriptors runs itself in a process of its own, whose limit it lowers.
func TestAcceptGoesOnAfterALackOfDescriptors(t *testing.T) {
	if os.Getenv("COPAS_TEST_LIMIT") == "" {
		command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), "COPAS_TEST_LIMIT=1")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		return
	}
	l := listen(t, "tcp", "127.0.0.1:0")
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	limit := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var taken []int
	for {
		fd, err := syscall.Dup(0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	_ = l.SetDeadline(time.Now().Add(patience))
	_, err = l.Accept()
	var temporary interface{ Temporary() bool }
	if !errors.Is(err, syscall.EMFILE) || !errors.As(err, &temporary) || !temporary.Temporary() {
		t.Fatal(err)
	}
	var limited *copas.Error
	if errors.As(err, &limited) {
		t.Fatal("not as package net tells it:", err)
	}
	for _, fd := range taken {
		_ = syscall.Close(fd)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}
