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
	"unsafe"
)

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
	ended, err := withOptions(&config, func(d *dispatcher, options *C.copas_tls_options) {
		C.bridge_tls_new(d.handle, role, options, d.answer)
	})
	if err != nil {
		return nil, err
	}
	made := &TLSContext{handle: ended.result}
	runtime.AddCleanup(made, func(handle C.uint64_t) { C.bridge_tls_release(handle) }, made.handle)
	return made, nil
}

// Reload has handshakes that begin from now on use another configuration, such as a renewed certificate;
// where it fails, all stays as it was.
func (t *TLSContext) Reload(config TLSConfig) error {
	_, err := withOptions(&config, func(d *dispatcher, options *C.copas_tls_options) {
		C.bridge_tls_reload(d.handle, t.handle, options, d.answer)
	})
	runtime.KeepAlive(t)
	return err
}

// withOptions calls with what C reads, and tells how that ended.
func withOptions(
	config *TLSConfig, call func(d *dispatcher, options *C.copas_tls_options),
) (outcome, error) {
	d, err := shared()
	if err != nil {
		return outcome{}, err
	}
	var pinned memory
	defer pinned.pinner.Unpin()
	options := pinned.options(config)
	d.mu.Lock()
	defer d.mu.Unlock()
	call(d, options)
	ended := outcomeOf(d.answer)
	if ended.status != C.COPAS_OK {
		return outcome{}, ended.failure("tls")
	}
	return ended, nil
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
