// SPDX-License-Identifier: MIT

// The soak's part in Go: listeners and connections of the package copas.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"copas"
)

const (
	clients      = 8
	mostRequests = 20
	longest      = 5000
	saidAtMost   = 20
	patience     = 30 * time.Second
)

var (
	kinds    = [...]string{"tcp", "unix_stream", "deadline", "close"}
	done     [len(kinds)]atomic.Int64
	failures atomic.Int64
)

const (
	tcp = iota
	unixStream
	deadline
	closing
)

func failed(kind int, what any) {
	if failures.Add(1) <= saidAtMost {
		fmt.Fprintf(os.Stderr, "soak in Go: %s: %v\n", kinds[kind], what)
	}
}

func report() {
	fmt.Printf(`{"failures": %d, "done": {`, failures.Load())
	for kind, name := range kinds {
		comma := ", "
		if kind == 0 {
			comma = ""
		}
		fmt.Printf(`%s"%s": %d`, comma, name, done[kind].Load())
	}
	fmt.Println("}}")
}

func echo(c *copas.Conn) {
	defer c.Close()
	for {
		line, err := c.ReceiveLine()
		if err != nil {
			return
		}
		if _, err = c.Write(append(line, '\n')); err != nil {
			return
		}
	}
}

func serve(l *copas.Listener) {
	for {
		c, err := l.AcceptConn()
		if err != nil {
			return
		}
		go echo(c)
	}
}

func dial(kind int, l *copas.Listener) (*copas.Conn, error) {
	context, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	network := "tcp"
	if kind == unixStream {
		network = "unix"
	}
	return copas.Dial(context, network, l.Addr().String())
}

// Requests whose replies are compared; then the connection ends in one of several ways.
func visit(kind int, l *copas.Listener) error {
	c, err := dial(kind, l)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	for range 1 + rand.IntN(mostRequests) {
		line := make([]byte, 1+rand.IntN(longest))
		for i := range line {
			line[i] = byte('a' + rand.IntN(26))
		}
		if _, err := c.Write(append(line, '\n')); err != nil {
			return err
		}
		got, err := c.ReceiveLine()
		if err != nil {
			return err
		}
		if !bytes.Equal(got, line) {
			return errors.New("a wrong reply")
		}
		done[kind].Add(1)
	}
	if rand.IntN(3) == 0 {
		return c.Abort()
	}
	if rand.IntN(2) == 0 {
		if err := c.CloseWrite(); err != nil {
			return err
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			return fmt.Errorf("%v for the end", err)
		}
	}
	return nil
}

// A deadline that passes.
func waitInVain(kind int, l *copas.Listener) error {
	c, err := dial(tcp, l)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
	if _, err := c.ReceiveLine(); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%v for a deadline", err)
	}
	done[kind].Add(1)
	return nil
}

// A connection that is closed while another goroutine waits on it.
func closeMeanwhile(kind int, l *copas.Listener) error {
	c, err := dial(tcp, l)
	if err != nil {
		return err
	}
	ended := make(chan error)
	go func() {
		_, err := c.ReceiveLine()
		ended <- err
	}()
	time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
	if err := c.Close(); err != nil {
		return err
	}
	if err := <-ended; err == nil {
		return errors.New("a line came")
	}
	done[kind].Add(1)
	return nil
}

func listen(network, address string) *copas.Listener {
	l, err := copas.Listen(network, address)
	if err != nil {
		fmt.Fprintf(os.Stderr, "soak in Go: cannot listen: %v\n", err)
		os.Exit(1)
	}
	go serve(l)
	return l
}

// Starts everybody; each ends when `stop` is closed.
func churn(stop <-chan struct{}) *sync.WaitGroup {
	var group sync.WaitGroup
	tcpListener := listen("tcp", "127.0.0.1:0")
	unixListener := listen("unix", fmt.Sprintf("@copas_soak_go_%d", os.Getpid()))
	start := func(kind int, l *copas.Listener, once func(int, *copas.Listener) error) {
		for range clients {
			group.Add(1)
			go func() {
				defer group.Done()
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(rand.IntN(10)) * time.Millisecond):
					}
					if err := once(kind, l); err != nil {
						failed(kind, err)
					}
				}
			}()
		}
	}
	start(tcp, tcpListener, visit)
	start(unixStream, unixListener, visit)
	start(deadline, tcpListener, waitInVain)
	start(closing, tcpListener, closeMeanwhile)
	return &group
}

func main() {
	seconds := flag.Float64("seconds", 0, "stops after so many seconds; 0: at SIGTERM or SIGINT")
	flag.Parse()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	stop := make(chan struct{})
	group := churn(stop)
	start := time.Now()
	for running := true; running; {
		select {
		case <-signals:
			running = false
		case <-time.After(time.Second):
			running = *seconds == 0 || time.Since(start).Seconds() < *seconds
		}
		report()
	}
	close(stop)
	group.Wait()
	report()
	if failures.Load() > 0 {
		os.Exit(1)
	}
}
