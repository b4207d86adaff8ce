// SPDX-License-Identifier: MIT

package copas_test

import (
	"crypto/x509"
	"errors"
	"testing"

	"copas"
)

// told is what a new connection to the address tells of itself.
func told(t *testing.T, address, name string, client *copas.TLSContext) copas.TLSInfo {
	t.Helper()
	c, err := copas.DialTLS(deadline(t), "tcp", address, client, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	// A client is done before the server: an echo is there when both are.
	if _, err := c.Write([]byte("x\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReceiveLine(); err != nil {
		t.Fatal(err)
	}
	info, err := c.TLSInfo()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func shown(t *testing.T, info copas.TLSInfo) *x509.Certificate {
	t.Helper()
	certificate, err := x509.ParseCertificate(info.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestAConnectionTellsHowItIsEncrypted(t *testing.T) {
	a := newAuthority(t)
	a.issue("server", "localhost")
	server := serverOf(t, copas.TLSConfig{
		CertFile: a.path("server.pem"), KeyFile: a.path("server.key"),
		NextProtos: []string{"h2", "http/1.1"}, NoResumption: true,
	})
	address := serveWith(t, server)
	client, err := copas.NewTLSClient(copas.TLSConfig{
		CAPEM: a.text("ca.pem"), NextProtos: []string{"http/1.1"}, OnlyTLS13: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		info := told(t, address, "localhost", client)
		if info.Version != "TLSv1.3" || info.Cipher == "" || info.NegotiatedProtocol != "http/1.1" ||
			info.ServerName != "localhost" || info.Resumed {
			t.Fatalf("%+v", info)
		}
		if name := shown(t, info).Subject.CommonName; name != "server" {
			t.Fatal(name)
		}
	}
	if stats := server.Stats(); stats != (copas.TLSStats{Handshakes: 2}) {
		t.Fatalf("%+v", stats)
	}
}

func TestAConnectionInClearHasNoEncryptionToTellOf(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	c, err := copas.Dial(deadline(t), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var failure *copas.Error
	if _, err := c.TLSInfo(); !errors.As(err, &failure) {
		t.Fatal(err)
	}
}

func TestASessionIsResumedWhereThatIsNotTurnedOff(t *testing.T) {
	a := newAuthority(t)
	a.issue("server", "localhost")
	address := serveTLS(t, a.folder)
	client := clientOf(t, a.folder)
	if told(t, address, "localhost", client).Resumed {
		t.Fatal("the first one")
	}
	if !told(t, address, "localhost", client).Resumed {
		t.Fatal("the second was not resumed")
	}
}

func TestClientsAreShownTheCertificateForTheNameThatTheyAskFor(t *testing.T) {
	a := newAuthority(t)
	for _, name := range []string{"one", "two", "three"} {
		a.issue(name, name+".test")
	}
	address := serveWith(t, serverOf(t, copas.TLSConfig{
		CertFile: a.path("one.pem"), KeyFile: a.path("one.key"),
		Identities: []copas.TLSIdentity{
			{CertFile: a.path("two.pem"), KeyFile: a.path("two.key")},
			{CertPEM: a.text("three.pem"), KeyPEM: a.text("three.key")},
		},
	}))
	client := clientOf(t, a.folder)
	for _, name := range []string{"three", "two", "one"} {
		info := told(t, address, name+".test", client)
		if shownName := shown(t, info).Subject.CommonName; shownName != name {
			t.Fatalf("%s for %s", shownName, name)
		}
	}
}

func TestAReloadedContextShowsTheNewCertificate(t *testing.T) {
	a := newAuthority(t)
	a.issue("old", "localhost")
	a.issue("new", "localhost")
	files := func(name string) copas.TLSConfig {
		return copas.TLSConfig{
			CertFile: a.path(name + ".pem"), KeyFile: a.path(name + ".key"), NoResumption: true,
		}
	}
	server := serverOf(t, files("old"))
	address := serveWith(t, server)
	client := clientOf(t, a.folder)
	for _, step := range []struct {
		load, shows string
		fails       bool
	}{{"old", "old", false}, {"new", "new", false}, {"nowhere", "new", true}} {
		if err := server.Reload(files(step.load)); (err != nil) != step.fails {
			t.Fatalf("%s: %v", step.load, err)
		}
		if name := shown(t, told(t, address, "localhost", client)).Subject.CommonName; name != step.shows {
			t.Fatalf("%s after %s", name, step.load)
		}
	}
}

func TestClientsShowACertificateWhereTheServerAsks(t *testing.T) {
	a := newAuthority(t)
	a.issue("server", "localhost")
	a.issue("client", "client.test")
	config := copas.TLSConfig{
		CertFile: a.path("server.pem"), KeyFile: a.path("server.key"), CAFile: a.path("ca.pem"),
	}
	unknown := clientOf(t, a.folder)
	known, err := copas.NewTLSClient(copas.TLSConfig{
		CAFile: a.path("ca.pem"), CertFile: a.path("client.pem"), KeyFile: a.path("client.key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	address := serveWith(t, serverOf(t, config))
	told(t, address, "localhost", known)
	c, err := copas.DialTLS(deadline(t), "tcp", address, unknown, "localhost")
	if err == nil {
		// With TLS 1.3 the refusal comes with the first receive.
		_, err = c.ReceiveLine()
		_ = c.Close()
	}
	if err == nil {
		t.Fatal("a client without a certificate was served")
	}
	config.ClientCertificateOptional = true
	told(t, serveWith(t, serverOf(t, config)), "localhost", unknown)
}

func TestEmptyPEMTextIsAnError(t *testing.T) {
	if _, err := copas.NewTLSClient(copas.TLSConfig{CAPEM: []byte{}}); err == nil {
		t.Fatal("nobody to trust was taken for the system's CAs")
	}
}
