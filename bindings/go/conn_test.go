// SPDX-License-Identifier: MIT

package copas_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"copas"

	"golang.org/x/net/nettest"
)

// How long a test waits for what must come.
const patience = 20 * time.Second

func listen(t testing.TB, network, address string) *copas.Listener {
	t.Helper()
	l, err := copas.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// pair gives both ends of a connection.
func pair(t testing.TB, network, address string) (client, server *copas.Conn) {
	t.Helper()
	client, server, err := connected(listen(t, network, address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}

func tcpPair(t testing.TB) (client, server *copas.Conn) { return pair(t, "tcp", "127.0.0.1:0") }

func connected(l *copas.Listener) (client, server *copas.Conn, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if client, err = copas.Dial(ctx, l.Addr().Network(), l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if server, err = l.AcceptConn(); err != nil {
		_ = client.Close()
		return nil, nil, err
	}
	return client, server, nil
}

func TestConnPassesNettest(t *testing.T) {
	socket := func(t *testing.T) string { return filepath.Join(t.TempDir(), "s") }
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				address := "127.0.0.1:0"
				if network == "unix" {
					address = socket(t)
				}
				l, err := copas.Listen(network, address)
				if err != nil {
					return nil, nil, nil, err
				}
				client, server, err := connected(l)
				_ = l.Close()
				if err != nil {
					return nil, nil, nil, err
				}
				return client, server, func() { _, _ = client.Close(), server.Close() }, nil
			})
		})
	}
}

func TestCopyCarriesAMillionBytesBothWays(t *testing.T) {
	client, server := tcpPair(t)
	go func() {
		_, _ = io.Copy(server, server)
		_ = server.CloseWrite()
	}()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() {
		_, _ = client.Write(sent)
		_ = client.CloseWrite()
	}()
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(sent), err)
	}
}

func TestBufioReadsLinesThatWereWrittenInPieces(t *testing.T) {
	client, server := tcpPair(t)
	go func() {
		for _, piece := range []string{"one", "\ntw", "o\n"} {
			_, _ = io.WriteString(client, piece)
		}
	}()
	lines := bufio.NewReader(server)
	for _, want := range []string{"one\n", "two\n"} {
		if line, err := lines.ReadString('\n'); err != nil || line != want {
			t.Fatalf("%q, %v", line, err)
		}
	}
}

func TestADeadlineWakesAReadAndAnewOneLetsItGoOn(t *testing.T) {
	client, server := tcpPair(t)
	failed := make(chan error, 1)
	go func() {
		_, err := server.Read(make([]byte, 1))
		failed <- err
	}()
	_ = server.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	err := receive(t, failed)
	var timeout net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatal(err)
	}
	_ = server.SetReadDeadline(time.Time{})
	_, _ = client.Write([]byte("x"))
	if n, err := server.Read(make([]byte, 9)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

func TestADeadlineWakesAWriteThatFindsNoRoom(t *testing.T) {
	client, _ := tcpPair(t)
	_ = client.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	for {
		if _, err := client.Write(make([]byte, 1<<20)); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			return
		}
	}
}

func TestCloseWakesReadersAndWritersOnAllSides(t *testing.T) {
	client, _ := tcpPair(t)
	failed := make(chan error, 3)
	for range 2 {
		go func() {
			_, err := client.Read(make([]byte, 1))
			failed <- err
		}()
	}
	go func() {
		var err error
		for err == nil {
			_, err = client.Write(make([]byte, 1<<20))
		}
		failed <- err
	}()
	time.AfterFunc(20*time.Millisecond, func() { _ = client.Close() })
	for range 3 {
		if err := receive(t, failed); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	}
	if err := client.Close(); !errors.Is(err, net.ErrClosed) {
		t.Fatal("closed twice:", err)
	}
}

func TestAHalfClosedConnectionStillReceives(t *testing.T) {
	client, server := tcpPair(t)
	_, _ = io.WriteString(client, "question")
	_ = client.CloseWrite()
	if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(server); string(got) != "question" || err != nil {
		t.Fatal(string(got), err)
	}
	_, _ = io.WriteString(server, "answer")
	_ = server.Close()
	if got, err := io.ReadAll(client); string(got) != "answer" || err != nil {
		t.Fatal(string(got), err)
	}
}

func TestAResetIsToldAsSuch(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.AcceptConn()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	_ = peer.(*net.TCPConn).SetLinger(0)
	_ = peer.Close()
	_ = server.SetDeadline(time.Now().Add(patience))
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
}

func TestAddressesAreThoseOfPackageNet(t *testing.T) {
	client, server := tcpPair(t)
	if client.LocalAddr().String() != server.RemoteAddr().String() {
		t.Fatal(client.LocalAddr(), server.RemoteAddr())
	}
	if _, ok := client.RemoteAddr().(*net.TCPAddr); !ok {
		t.Fatalf("%T", client.RemoteAddr())
	}
	path := filepath.Join(t.TempDir(), "s")
	client, _ = pair(t, "unix", path)
	if a, ok := client.RemoteAddr().(*net.UnixAddr); !ok || a.Name != path {
		t.Fatalf("%T %v", client.RemoteAddr(), client.RemoteAddr())
	}
}

func TestChurnFromManyGoroutinesLeavesNothing(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	before := copas.Waiters()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	var all sync.WaitGroup
	for range 32 {
		all.Add(1)
		go func() {
			defer all.Done()
			for round := range 40 {
				churn(t, l.Addr().String(), round)
			}
		}()
	}
	all.Wait()
	for end := time.Now().Add(patience); copas.Waiters() != before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d waiters instead of %d", copas.Waiters(), before)
		}
	}
}

// churn connects, is answered, and leaves: with a Close from elsewhere while it reads every third time.
func churn(t *testing.T, address string, round int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := copas.Dial(ctx, "tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	text := strings.Repeat("x", 1+round*100)
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
	if got, err := c.Receive(len(text)); err != nil || string(got) != text {
		t.Error(len(got), err)
	}
	if round%3 == 0 {
		go c.Close()
		_, _ = c.Read(make([]byte, 1))
		return
	}
	_ = c.Close()
}

// receive takes what must come within the patience.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("not reached")
	}
}
