// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
// #include <stdlib.h>
import "C"

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"unsafe"
)

// TLSConfig is what a TLSContext is made of. The fields are PEM files.
type TLSConfig struct {
	// CertFile and KeyFile say who this side is: a server must, a client may.
	CertFile, KeyFile string
	// CAFile has those to trust: without it a client trusts whom the system trusts; with it a server asks
	// its clients for certificates.
	CAFile string
	// NextProtos are the application protocols (ALPN), best first.
	NextProtos []string
	// OnlyTLS13 refuses TLS 1.2.
	OnlyTLS13 bool
	// InsecureNoVerification has a client take any certificate.
	InsecureNoVerification bool
}

// TLSContext is what encrypted connections share.
type TLSContext struct {
	handle C.uint64_t
}

// NewTLSServer makes a context for those who are connected to.
func NewTLSServer(config TLSConfig) (*TLSContext, error) {
	return newTLSContext(C.COPAS_TLS_SERVER, config)
}

// NewTLSClient makes a context for those who connect.
func NewTLSClient(config TLSConfig) (*TLSContext, error) {
	return newTLSContext(C.COPAS_TLS_CLIENT, config)
}

func newTLSContext(role C.int, config TLSConfig) (*TLSContext, error) {
	d, err := shared()
	if err != nil {
		return nil, err
	}
	var texts []*C.char
	text := func(value string) *C.char {
		if value == "" {
			return nil
		}
		made := C.CString(value)
		texts = append(texts, made)
		return made
	}
	defer func() {
		for _, made := range texts {
			C.free(unsafe.Pointer(made))
		}
	}()
	flags, oldest := C.uint64_t(0), C.int(C.COPAS_TLS_1_2)
	if config.InsecureNoVerification {
		flags = C.COPAS_TLS_INSECURE_NO_VERIFICATION
	}
	if config.OnlyTLS13 {
		oldest = C.COPAS_TLS_1_3
	}
	alpn := text(strings.Join(config.NextProtos, ","))
	certificate, key, ca := text(config.CertFile), text(config.KeyFile), text(config.CAFile)
	d.mu.Lock()
	defer d.mu.Unlock()
	C.bridge_tls_new(d.handle, role, flags, certificate, key, ca, alpn, oldest, d.answer)
	ended := outcomeOf(d.answer)
	if ended.status != C.COPAS_OK {
		return nil, ended.failure("tls")
	}
	made := &TLSContext{handle: ended.result}
	runtime.AddCleanup(made, func(handle C.uint64_t) { C.bridge_tls_release(handle) }, made.handle)
	return made, nil
}

// StartTLS encrypts the connection from here on, as the side that the context is for; a client says who
// the server has to be. Where it fails, only Close is left. Nothing that was received may be unread.
func (c *Conn) StartTLS(ctx context.Context, tls *TLSContext, serverName string) error {
	c.readers.Lock()
	defer c.readers.Unlock()
	c.writers.Lock()
	defer c.writers.Unlock()
	var name *C.char
	if serverName != "" {
		name = C.CString(serverName)
		defer C.free(unsafe.Pointer(name))
	}
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if len(c.input) != 0 {
		return c.fault("starttls", errors.New("bytes that were received in clear are unread"))
	}
	_, err := c.d.perform(ctx, serverName, func(token C.uint64_t) C.int {
		return C.bridge_starttls(c.socket, tls.handle, name, token, c.d.answer)
	})
	runtime.KeepAlive(tls)
	if err != nil {
		return c.fault("starttls", err)
	}
	return nil
}

// DialTLS is Dial and StartTLS: the server has to be the host of the address, or with a name that one.
func DialTLS(
	ctx context.Context, network, address string, tls *TLSContext, serverName string,
) (*Conn, error) {
	if serverName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		serverName = host
	}
	c, err := Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := c.StartTLS(ctx, tls, serverName); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
