// SPDX-License-Identifier: MIT

package copas_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"copas"
)

func TestPatternsAndReadsShareOneStream(t *testing.T) {
	client, server := tcpPair(t)
	_, _ = io.WriteString(client, "a\rb\r\nc\r\n\n12345key=>value\nrest of it")
	_ = client.CloseWrite()
	calls := []struct {
		want string
		call func() ([]byte, error)
	}{
		{"ab", server.ReceiveLine},
		{"c\r\n", server.ReceiveLineRaw},
		{"", server.ReceiveLine},
		{"123", func() ([]byte, error) { return server.Receive(3) }},
		{"45", func() ([]byte, error) { p := make([]byte, 2); n, err := server.Read(p); return p[:n], err }},
		{"key", func() ([]byte, error) { return server.ReceiveUntil("=>") }},
		{"value", server.ReceiveLine},
		{"rest of it", server.ReceiveAll},
	}
	for _, one := range calls {
		if got, err := one.call(); err != nil || string(got) != one.want {
			t.Fatalf("%q instead of %q, %v", got, one.want, err)
		}
	}
	if got, err := server.ReceiveAll(); len(got) != 0 || err != io.EOF {
		t.Fatal(got, err)
	}
}

func TestAPatternThatEndsEarlyConsumesNothing(t *testing.T) {
	client, server := tcpPair(t)
	_, _ = io.WriteString(client, "half=")
	_ = server.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	got, err := server.ReceiveUntil("=>")
	if string(got) != "half=" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%q, %v", got, err)
	}
	_ = server.SetReadDeadline(time.Time{})
	_, _ = io.WriteString(client, ">x")
	if got, err = server.ReceiveUntil("=>"); string(got) != "half" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	_ = client.Close()
	if got, err = server.ReceiveLine(); string(got) != "x" || err != io.EOF {
		t.Fatalf("%q, %v", got, err)
	}
	if got, err = io.ReadAll(server); string(got) != "x" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestPatternsKeepToTheLimits(t *testing.T) {
	client, server := tcpPair(t)
	server.SetLimits(10, 20)
	_, _ = io.WriteString(client, strings.Repeat("x", 30)+"\n")
	if _, err := server.ReceiveLine(); !errors.Is(err, copas.ErrTooLong) {
		t.Fatal(err)
	}
	if _, err := server.Receive(21); !errors.Is(err, copas.ErrTooLong) {
		t.Fatal(err)
	}
	if got, err := server.Receive(20); len(got) != 20 || err != nil {
		t.Fatal(len(got), err)
	}
	if got, err := server.ReceiveLine(); len(got) != 10 || err != nil {
		t.Fatal(len(got), err)
	}
}

func TestPatternsRefuseWhatTheyCannotMean(t *testing.T) {
	_, server := tcpPair(t)
	var wrong *copas.Error
	if _, err := server.Receive(-1); !errors.As(err, &wrong) {
		t.Error(err)
	}
	for _, delimiter := range []string{"", strings.Repeat("x", 256)} {
		if _, err := server.ReceiveUntil(delimiter); !errors.As(err, &wrong) {
			t.Error(err)
		}
	}
}

func TestWhatHasArrivedWinsOverAPassedDeadline(t *testing.T) {
	client, server := tcpPair(t)
	_, _ = io.WriteString(client, "one\ntwo\n")
	if line, err := server.ReceiveLine(); string(line) != "one" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	_ = server.SetReadDeadline(time.Unix(1, 0))
	if line, err := server.ReceiveLine(); string(line) != "two" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := server.ReceiveLine(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestErrorsHaveAStatusWhateverTheyAreInNet(t *testing.T) {
	client, server := tcpPair(t)
	ended := make(chan error, 1)
	_ = server.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, late := server.ReceiveLine()
	_ = server.SetReadDeadline(time.Time{})
	go func() { _, err := server.ReceiveLine(); ended <- err }()
	_ = client.CloseWrite()
	end := <-ended
	_ = server.Close()
	_, stale := server.ReceiveLine()
	for want, err := range map[string]error{
		"COPAS_OK": nil, "COPAS_TIMEOUT": late, "COPAS_CLOSED": end, "COPAS_STALE": stale,
	} {
		if got := copas.StatusOf(err).String(); got != want {
			t.Errorf("%s instead of %s for %v", got, want, err)
		}
	}
	if !errors.Is(stale, net.ErrClosed) {
		t.Error(stale)
	}
}
