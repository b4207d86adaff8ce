// SPDX-License-Identifier: MIT

package copas_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"copas"
)

func TestHTTPServesAndDialsOverTheLibrary(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	_ = server.Listener.Close()
	server.Listener = listen(t, "tcp", "127.0.0.1:0")
	server.Start()
	defer server.Close()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return copas.Dial(ctx, network, address)
		},
	}}
	defer client.CloseIdleConnections()
	for _, size := range []int{0, 10, 1 << 20} {
		body := strings.Repeat("b", size)
		answer, err := client.Post(server.URL, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || string(got) != body {
			t.Fatal(len(got), err)
		}
	}
}

func TestCloseAndDeadlinesWakeAccept(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	_ = l.SetDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	_ = l.SetDeadline(time.Time{})
	failed := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		failed <- err
	}()
	time.AfterFunc(10*time.Millisecond, func() { _ = l.Close() })
	if err := receive(t, failed); !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}

func TestListenKnowsTheAddressesOfPackageNet(t *testing.T) {
	for _, address := range []string{":0", "127.0.0.1:0", "localhost:0", "0.0.0.0:0"} {
		for _, network := range []string{"tcp", "tcp4"} {
			l := listen(t, network, address)
			_, port, _ := net.SplitHostPort(l.Addr().String())
			c, err := copas.Dial(context.Background(), "tcp4", "localhost:"+port)
			if err != nil {
				t.Fatal(network, address, err)
			}
			_ = c.Close()
		}
	}
}

func TestTheSecondListenerOnAPortIsRefused(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	_, err := copas.Listen("tcp", l.Addr().String())
	var op *net.OpError
	if !errors.Is(err, syscall.EADDRINUSE) || !errors.As(err, &op) || op.Op != "listen" {
		t.Fatal(err)
	}
}

func TestAUnixListenerTakesItsFileAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l := listen(t, "unix", path)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func TestDialTellsWhyItFailed(t *testing.T) {
	gone := listen(t, "tcp", "127.0.0.1:0")
	_ = gone.Close()
	background := context.Background()
	if _, err := copas.Dial(background, "tcp", gone.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := copas.Dial(background, "unix", missing); !errors.Is(err, syscall.ENOENT) {
		t.Error(err)
	}
	var unknown net.UnknownNetworkError
	if _, err := copas.Dial(background, "udp", "127.0.0.1:1"); !errors.As(err, &unknown) {
		t.Error(err)
	}
	var dns *net.DNSError
	if _, err := copas.Dial(background, "tcp", "no-such-host.invalid:1"); !errors.As(err, &dns) {
		t.Error(err)
	}
	for _, wrong := range []string{"127.0.0.1", "127.0.0.1:port?", "127.0.0.1\x00:1"} {
		if _, err := copas.Dial(background, "tcp", wrong); err == nil {
			t.Errorf("%q was dialed", wrong)
		}
	}
}

// fullListener gives the address of a listener whose queue is full, so that a connect waits.
func fullListener(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}),
		syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	bound, _ := syscall.Getsockname(fd)
	address := "127.0.0.1:" + strconv.Itoa(bound.(*syscall.SockaddrInet4).Port)
	for {
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
}

func TestAContextEndsDial(t *testing.T) {
	address := fullListener(t)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := copas.Dial(ctx, "tcp", address); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := copas.Dial(ctx, "tcp", address); !errors.Is(err, context.Canceled) {
		t.Error("canceled before:", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := copas.Dial(ctx, "tcp", address)
	var timeout net.Error
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Error(err)
	}
}

func TestAListenerBearsSoManyConnections(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	if err := l.SetArmour(copas.Armour{FirstByte: -time.Second}); err == nil {
		t.Fatal("a negative time is taken")
	}
	if err := l.SetArmour(copas.Armour{MaxConnections: 1}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		peer, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
	}
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = l.SetDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	_ = l.SetDeadline(time.Now().Add(patience))
	_ = first.Close()
	second, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
}

func TestASilentClientIsCutOff(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	if err := l.SetArmour(copas.Armour{FirstByte: 20 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Fatal(err)
	}
}
