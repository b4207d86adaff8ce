// SPDX-License-Identifier: MIT

package copas_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a CA with its files in a folder of the test's: ca.pem, and NAME.pem and NAME.key of what it
// has issued.
type authority struct {
	t      *testing.T
	folder string
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, folder: t.TempDir()}
	a.key = a.newKey()
	a.ca = a.template("ca")
	a.ca.IsCA, a.ca.BasicConstraintsValid, a.ca.KeyUsage = true, true, x509.KeyUsageCertSign
	a.sign(a.ca, a.key, "ca.pem")
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) template(name string) *x509.Certificate {
	a.serial++
	return &x509.Certificate{
		SerialNumber: big.NewInt(a.serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
}

func (a *authority) sign(certificate *x509.Certificate, key *ecdsa.PrivateKey, file string) {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, certificate, a.ca, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(file, "CERTIFICATE", der)
}

// issue makes NAME.pem for a host, and its key.
func (a *authority) issue(name, host string) {
	a.t.Helper()
	key := a.newKey()
	leaf := a.template(name)
	leaf.DNSNames = []string{host}
	a.sign(leaf, key, name+".pem")
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".key", "PRIVATE KEY", der)
}

func (a *authority) write(file, kind string, der []byte) {
	a.t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(a.path(file), text, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) path(file string) string { return filepath.Join(a.folder, file) }

func (a *authority) text(file string) []byte {
	a.t.Helper()
	text, err := os.ReadFile(a.path(file))
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

// certificates makes a CA and a certificate of it for "localhost": ca.pem, server.pem, server.key.
func certificates(t *testing.T) string {
	t.Helper()
	a := newAuthority(t)
	a.issue("server", "localhost")
	return a.folder
}
