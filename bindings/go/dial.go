// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
// #include <stdlib.h>
import "C"

import (
	"context"
	"net"
	"time"
	"unsafe"
)

// Dial connects. The network is "tcp", "tcp4" or "tcp6" with an address as of net.Dial ("host:port"), or
// "unix" with a path. It ends with the context's error when that is done first.
func Dial(ctx context.Context, network, address string) (*Conn, error) {
	c, err := dial(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: name{network, address}, Err: err}
	}
	return c, nil
}

func dial(ctx context.Context, network, address string) (*Conn, error) {
	d, err := shared()
	if err != nil {
		return nil, err
	}
	switch network {
	case "unix":
		return d.connectUnix(ctx, address)
	case "tcp", "tcp4", "tcp6":
		return d.dialTCP(ctx, network, address)
	}
	return nil, net.UnknownNetworkError(network)
}

func (d *dispatcher) dialTCP(ctx context.Context, network, address string) (*Conn, error) {
	host, port, err := split(ctx, network, address)
	if err != nil {
		return nil, err
	}
	hosts, err := d.targets(ctx, network, host)
	if err != nil {
		return nil, err
	}
	for _, one := range hosts {
		var c *Conn
		if c, err = d.connect(ctx, one, port); err == nil || ctx.Err() != nil {
			return c, err
		}
	}
	return nil, err
}

// targets are what to try in turn. The library resolves and tries all of a name by itself, but for
// networks of one family.
func (d *dispatcher) targets(ctx context.Context, network, host string) ([]string, error) {
	switch {
	case host == "" && network == "tcp6":
		return []string{"::1"}, nil
	case host == "":
		return []string{"127.0.0.1"}, nil
	case network == "tcp":
		return []string{host}, nil
	}
	return d.hosts(ctx, network, host)
}

func (d *dispatcher) connect(ctx context.Context, host string, port int) (*Conn, error) {
	text := C.CString(host)
	defer C.free(unsafe.Pointer(text))
	timeout := C.double(C.COPAS_FOREVER)
	if end, ok := ctx.Deadline(); ok {
		timeout = C.double(max(time.Until(end).Seconds(), 0))
	}
	return d.open(ctx, host, func(token C.uint64_t) C.int {
		return C.bridge_connect(d.handle, text, C.int(port), timeout, token, d.answer)
	})
}

func (d *dispatcher) connectUnix(ctx context.Context, path string) (*Conn, error) {
	if err := checkText(path); err != nil {
		return nil, err
	}
	text := C.CString(path)
	defer C.free(unsafe.Pointer(text))
	return d.open(ctx, path, func(token C.uint64_t) C.int {
		return C.bridge_connect_unix(d.handle, text, token, d.answer)
	})
}

func (d *dispatcher) open(ctx context.Context, host string, begin func(C.uint64_t) C.int) (*Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ended, err := d.perform(ctx, host, begin)
	if err != nil {
		return nil, err
	}
	return d.newConn(ended.result), nil
}

func (d *dispatcher) resolve(ctx context.Context, host string) ([]string, error) {
	text := C.CString(host)
	defer C.free(unsafe.Pointer(text))
	d.mu.Lock()
	defer d.mu.Unlock()
	ended, err := d.perform(ctx, host, func(token C.uint64_t) C.int {
		return C.bridge_resolve(d.handle, text, token, d.answer)
	})
	if err != nil {
		return nil, err
	}
	var hosts []string
	for i := range ended.hosts {
		hosts = append(hosts, C.GoString(&ended.hosts[i].host[0]))
	}
	return hosts, nil
}

// perform submits an operation and waits until it has ended, by the context's end at the latest. Under
// the mutex.
func (d *dispatcher) perform(
	ctx context.Context, host string, begin func(C.uint64_t) C.int,
) (outcome, error) {
	if err := ctx.Err(); err != nil {
		return outcome{}, err
	}
	w := d.newWaiter()
	defer w.forget()
	ended, done := w.submit(begin(C.uint64_t(w.token)))
	if !done {
		stop := context.AfterFunc(ctx, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			w.cancel()
		})
		ended = w.wait()
		stop()
	}
	switch {
	case ended.status == C.COPAS_OK:
		return ended, nil
	case ended.status == C.COPAS_CANCELED && ctx.Err() != nil:
		return ended, ctx.Err()
	case ended.status == C.COPAS_TIMEOUT && ended.errno == 0:
		// The library's clock may be the first.
		return ended, context.DeadlineExceeded
	case ended.status == C.COPAS_UNRESOLVED:
		return ended, &net.DNSError{Err: ended.words, Name: host}
	}
	return ended, ended.failure("connect")
}
