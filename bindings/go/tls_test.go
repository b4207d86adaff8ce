// SPDX-License-Identifier: MIT

package copas_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"copas"
)

// serveTLS echoes lines to every client that its context lets in; gives the address.
func serveTLS(t *testing.T, folder string) string {
	t.Helper()
	return serveWith(t, serverOf(t, copas.TLSConfig{
		CertFile: filepath.Join(folder, "server.pem"), KeyFile: filepath.Join(folder, "server.key"),
	}))
}

func serverOf(t *testing.T, config copas.TLSConfig) *copas.TLSContext {
	t.Helper()
	server, err := copas.NewTLSServer(config)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func serveWith(t *testing.T, server *copas.TLSContext) string {
	t.Helper()
	l := listen(t, "tcp", "127.0.0.1:0")
	go func() {
		for {
			c, err := l.AcceptConn()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				if c.StartTLS(context.Background(), server, "") == nil {
					_, _ = io.Copy(c, c)
				}
			}()
		}
	}()
	return l.Addr().String()
}

func clientOf(t *testing.T, folder string) *copas.TLSContext {
	t.Helper()
	client, err := copas.NewTLSClient(copas.TLSConfig{CAFile: filepath.Join(folder, "ca.pem")})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestEncryptedLinesGoThereAndBack(t *testing.T) {
	folder := certificates(t)
	address := serveTLS(t, folder)
	c, err := copas.DialTLS(deadline(t), "tcp", address, clientOf(t, folder), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("in secret\n")); err != nil {
		t.Fatal(err)
	}
	line, err := c.ReceiveLine()
	if err != nil || string(line) != "in secret" {
		t.Fatalf("%q %v", line, err)
	}
}

func TestAnotherNameIsRefused(t *testing.T) {
	folder := certificates(t)
	address := serveTLS(t, folder)
	_, err := copas.DialTLS(deadline(t), "tcp", address, clientOf(t, folder), "example.org")
	var failure *copas.Error
	if !errors.As(err, &failure) || !strings.Contains(failure.Text, "not for example.org") {
		t.Fatal(err)
	}
}

func TestAClientWithoutSettingsRefusesAnUnknownCA(t *testing.T) {
	folder := certificates(t)
	address := serveTLS(t, folder)
	client, err := copas.NewTLSClient(copas.TLSConfig{})
	if err != nil {
		t.Skip(err)
	}
	if _, err := copas.DialTLS(deadline(t), "tcp", address, client, "localhost"); err == nil {
		t.Fatal("it was accepted")
	}
}

func TestGosOwnTLSTalksToIt(t *testing.T) {
	folder := certificates(t)
	address := serveTLS(t, folder)
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || line != "hello\n" {
		t.Fatalf("%q %v", line, err)
	}
}

func TestWhatIsWrongWithAContextIsTold(t *testing.T) {
	folder := certificates(t)
	_, err := copas.NewTLSServer(copas.TLSConfig{
		CertFile: filepath.Join(folder, "server.pem"), KeyFile: filepath.Join(folder, "nowhere.key"),
	})
	if err == nil {
		t.Fatal("a context without a key was made")
	}
}
