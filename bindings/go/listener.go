// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
// #include <stdlib.h>
import "C"

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Listener is a listening socket: a net.Listener.
type Listener struct {
	d      *dispatcher
	socket C.uint64_t
	local  net.Addr
	// The socket file, which goes with the listener.
	file string
	// One goroutine accepts at a time.
	acceptors sync.Mutex
	accepting *waiter
}

var _ net.Listener = (*Listener)(nil)

// Listen opens a listening socket. The network is "tcp", "tcp4", "tcp6" with an address as of
// net.Listen ("127.0.0.1:0", ":8080", "localhost:80"), or "unix" with a path ("@name" is abstract).
func Listen(network, address string) (*Listener, error) {
	d, err := shared()
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	var l *Listener
	switch network {
	case "unix":
		l, err = d.listenUnix(address)
	case "tcp", "tcp4", "tcp6":
		l, err = d.listenTCP(network, address)
	default:
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: name{network, address}, Err: err}
	}
	return l, nil
}

func (d *dispatcher) listenUnix(path string) (*Listener, error) {
	if err := checkText(path); err != nil {
		return nil, err
	}
	text := C.CString(path)
	defer C.free(unsafe.Pointer(text))
	l, err := d.listener(func() { C.bridge_bind_unix(d.handle, text, d.answer) })
	if err == nil && !strings.HasPrefix(path, "@") {
		l.file = path
	}
	return l, err
}

func (d *dispatcher) listenTCP(network, address string) (*Listener, error) {
	ctx := context.Background()
	host, port, err := split(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return d.listenEverywhere(network, port)
	}
	hosts, err := d.hosts(ctx, network, host)
	if err != nil {
		return nil, err
	}
	return d.bind(hosts[0], port, flagsOf(network))
}

// listenEverywhere takes IPv4 alone where the system has no IPv6.
func (d *dispatcher) listenEverywhere(network string, port int) (*Listener, error) {
	if network == "tcp4" {
		return d.bind("0.0.0.0", port, 0)
	}
	l, err := d.bind("::", port, flagsOf(network))
	if network == "tcp" &&
		(errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)) {
		return d.bind("0.0.0.0", port, 0)
	}
	return l, err
}

func flagsOf(network string) C.uint64_t {
	if network == "tcp6" {
		return C.COPAS_BIND_V6ONLY
	}
	return 0
}

func (d *dispatcher) bind(host string, port int, flags C.uint64_t) (*Listener, error) {
	text := C.CString(host)
	defer C.free(unsafe.Pointer(text))
	return d.listener(func() { C.bridge_bind(d.handle, text, C.int(port), flags, d.answer) })
}

func (d *dispatcher) listener(open func()) (*Listener, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	open()
	ended := outcomeOf(d.answer)
	if ended.status != C.COPAS_OK {
		return nil, ended.failure("bind")
	}
	l := &Listener{d: d, socket: ended.result, accepting: d.newWaiter()}
	l.local, _ = addresses(l.socket)
	return l, nil
}

// Accept gives the next connection, a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptConn()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptConn is Accept that gives the type of this package.
func (l *Listener) AcceptConn() (*Conn, error) {
	l.acceptors.Lock()
	defer l.acceptors.Unlock()
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if err := l.accepting.begin(); err != nil {
		return nil, l.fault("accept", err)
	}
	for {
		if err := l.accepting.check(); err != nil {
			return nil, l.fault("accept", err)
		}
		over := C.bridge_accept(l.socket, C.uint64_t(l.accepting.token), l.d.answer)
		ended, done := l.accepting.submit(over)
		if !done {
			ended = l.accepting.wait()
		}
		switch {
		case ended.status == C.COPAS_OK:
			return l.d.newConn(ended.result), nil
		case l.accepting.closed:
			return nil, l.fault("accept", net.ErrClosed)
		case ended.status != C.COPAS_CANCELED:
			return nil, l.fault("accept", ended.failure("accept"))
		}
	}
}

// Close stops listening, ends whoever waits in Accept with net.ErrClosed, and removes the socket file.
func (l *Listener) Close() error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if l.accepting.closed {
		return l.fault("close", errStale)
	}
	if l.file != "" {
		// Somebody may have removed it already.
		_ = os.Remove(l.file)
	}
	C.bridge_close(l.socket)
	l.d.forget(l.accepting)
	return nil
}

// Armour is what a Listener bears of its peers; zeros are no limits.
type Armour struct {
	// MaxConnections that are open at once; above it Accept waits until one is closed.
	MaxConnections int
	// MaxPerAddress of them from one IPv4 address or one /64 of IPv6; further ones are reset.
	MaxPerAddress int
	// FirstByte is how long a client may say nothing at first. Then it is cut off.
	FirstByte time.Duration
	// MinRate in bytes a second, averaged over RateWindow (0: 10 s), that a peer must send in the middle of
	// a pattern, and must take of what is written; else it is cut off.
	MinRate    int
	RateWindow time.Duration
}

// SetArmour sets all that the listener bears of its peers from now on.
func (l *Listener) SetArmour(a Armour) error {
	if a.MaxConnections < 0 || a.MaxPerAddress < 0 || a.MinRate < 0 {
		return l.fault("set", syscall.EINVAL)
	}
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if l.accepting.closed {
		return l.fault("set", errStale)
	}
	C.bridge_setarmour(l.socket, C.size_t(a.MaxConnections), C.size_t(a.MaxPerAddress),
		C.double(a.FirstByte.Seconds()), C.size_t(a.MinRate), C.double(a.RateWindow.Seconds()), l.d.answer)
	if ended := outcomeOf(l.d.answer); ended.status != C.COPAS_OK {
		return l.fault("set", ended.failure("set"))
	}
	return nil
}

// Addr is a *net.TCPAddr or a *net.UnixAddr.
func (l *Listener) Addr() net.Addr { return l.local }

// SetDeadline sets the end of Accept, also of one that waits already; the zero time means none.
func (l *Listener) SetDeadline(t time.Time) error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if l.accepting.closed {
		return l.fault("set", errStale)
	}
	l.accepting.setDeadline(t)
	return nil
}

func (l *Listener) fault(op string, err error) error { return wrapped(op, err, nil, l.local) }

// name is an address that was not resolved.
type name struct{ network, text string }

func (n name) Network() string { return n.network }
func (n name) String() string  { return n.text }

// split parses "host:port"; the port may be a service's name.
func split(ctx context.Context, network, address string) (string, int, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, network, service)
	if err != nil {
		return "", 0, err
	}
	return host, port, checkText(host)
}

// checkText refuses what C would cut off.
func checkText(text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return &net.AddrError{Err: "a NUL byte in the address", Addr: text}
	}
	return nil
}

// hosts are the numeric addresses of a host in a network, at least one.
func (d *dispatcher) hosts(ctx context.Context, network, host string) ([]string, error) {
	all := []string{host}
	if _, err := netip.ParseAddr(host); err != nil {
		if all, err = d.resolve(ctx, host); err != nil {
			return nil, err
		}
	}
	var fitting []string
	for _, one := range all {
		if ip, err := netip.ParseAddr(one); err == nil && fits(network, ip) {
			fitting = append(fitting, one)
		}
	}
	if fitting == nil {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return fitting, nil
}
