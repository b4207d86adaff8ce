// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
import "C"

import (
	"bytes"
	"net"
	"sync"
	"time"
	"unsafe"
)

// Conn is a connected stream socket: a net.Conn that may be used by many goroutines at once.
type Conn struct {
	d             *dispatcher
	socket        C.uint64_t
	local, remote net.Addr
	// One goroutine reads, one writes at a time.
	readers, writers sync.Mutex
	reading, writing *waiter
	// What was received and not read yet: the library's memory, or with owned Go's. Under d.mu.
	input []byte
	owned bool
	// The longest line, and the most bytes of the other patterns. Under d.mu.
	lineLimit, allLimit int
}

var _ net.Conn = (*Conn)(nil)

// newConn takes a socket over. Under the mutex.
func (d *dispatcher) newConn(socket C.uint64_t) *Conn {
	c := &Conn{d: d, socket: socket, reading: d.newWaiter(), writing: d.newWaiter()}
	c.lineLimit, c.allLimit = lineLimit, allLimit
	c.local, c.remote = addresses(socket)
	return c
}

// Read gives what is there, at least one byte.
func (c *Conn) Read(p []byte) (int, error) {
	c.readers.Lock()
	defer c.readers.Unlock()
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if err := c.reading.begin(); err != nil {
		return 0, c.fault("read", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.input) == 0 {
		if err := c.more(false); err != nil {
			return 0, c.fault("read", err)
		}
	}
	n := copy(p, c.input)
	c.input = c.input[n:]
	return n, nil
}

// more waits for bytes and adds them to c.input. `late`: also those that arrived before a deadline that
// has passed. Under both mutexes.
func (c *Conn) more(late bool) error {
	if len(c.input) == 0 {
		data, err := c.receive(late)
		c.input, c.owned = data, false
		return err
	}
	// What is lent ends with the next receive.
	if !c.owned {
		c.input, c.owned = bytes.Clone(c.input), true
	}
	data, err := c.receive(late)
	if err == nil {
		c.input = append(c.input, data...)
	}
	return err
}

// receive waits for bytes, which are the library's until the next receive. Under both mutexes.
func (c *Conn) receive(late bool) ([]byte, error) {
	for {
		err := c.reading.check()
		if err != nil && (!late || c.reading.closed) {
			return nil, err
		}
		mayWait := C.int(1)
		if err != nil {
			mayWait = 0
		}
		over := C.bridge_receive(c.socket, mayWait, C.uint64_t(c.reading.token), c.d.answer)
		ended, done := c.reading.submit(over)
		if !done {
			ended = c.reading.wait()
		}
		switch {
		case c.reading.closed:
			return nil, net.ErrClosed
		case ended.status == C.COPAS_OK:
			return ended.data, nil
		case ended.status != C.COPAS_CANCELED:
			return nil, ended.failure("read")
		}
	}
}

// Write returns when all of p has been accepted: by the kernel, or at most 64 KiB of it by the
// library, which hands it on by itself.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.lockWriters(); err != nil {
		return 0, c.fault("write", err)
	}
	defer c.writers.Unlock()
	defer c.d.mu.Unlock()
	written := 0
	for {
		if err := c.writing.check(); err != nil {
			return written, c.fault("write", err)
		}
		if c.writing.operation != 0 {
			c.writing.wait()
			continue
		}
		n, err := c.send(p[written:])
		written += n
		if err != nil {
			return written, c.fault("write", err)
		}
		if written == len(p) {
			return written, nil
		}
	}
}

// Flush waits until the kernel has every byte written before.
func (c *Conn) Flush() error {
	if err := c.lockWriters(); err != nil {
		return c.fault("flush", err)
	}
	defer c.writers.Unlock()
	defer c.d.mu.Unlock()
	for {
		if c.writing.closed {
			return c.fault("flush", net.ErrClosed)
		}
		if c.writing.operation != 0 {
			c.writing.wait()
			continue
		}
		over := C.bridge_flush(c.socket, C.uint64_t(c.writing.token), c.d.answer)
		ended, done := c.writing.submit(over)
		if !done {
			ended = c.writing.waitUntilExpired()
		}
		switch err := c.writing.check(); {
		case ended.status == C.COPAS_OK:
			return nil
		case ended.status != C.COPAS_CANCELED:
			return c.fault("flush", ended.failure("write"))
		case err != nil:
			return c.fault("flush", err)
		}
	}
}

// lockWriters waits for the caller's turn to write and takes both mutexes, but on an error.
func (c *Conn) lockWriters() error {
	c.d.mu.Lock()
	if c.writing.closed {
		c.d.mu.Unlock()
		return errStale
	}
	if !c.writers.TryLock() {
		c.d.mu.Unlock()
		c.awaitTurn()
		c.d.mu.Lock()
	}
	return nil
}

// awaitTurn queues behind the others who write.
func (c *Conn) awaitTurn() { c.writers.Lock() }

// send has some of p accepted; the operation that is outstanding afterwards ends when there is room
// for more. Under both mutexes.
func (c *Conn) send(p []byte) (int, error) {
	over := C.bridge_send(c.socket, unsafe.Pointer(unsafe.SliceData(p)), C.size_t(len(p)),
		C.uint64_t(c.writing.token), c.d.answer)
	n := int(c.d.answer.taken)
	if ended, done := c.writing.submit(over); done && ended.status != C.COPAS_OK {
		return n, ended.failure("write")
	}
	return n, nil
}

// Close ends both directions and whoever waits in them with net.ErrClosed. What was written goes out
// in the background, for at most 10 seconds.
func (c *Conn) Close() error {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	return c.close(false)
}

// Abort closes the connection with a reset and throws away what was not written yet.
func (c *Conn) Abort() error {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	return c.close(true)
}

func (c *Conn) close(reset bool) error {
	if c.reading.closed {
		return c.fault("close", errStale)
	}
	c.input = nil
	if reset {
		C.bridge_abort(c.socket)
	} else {
		C.bridge_close(c.socket)
	}
	c.d.forget(c.reading, c.writing)
	return nil
}

// forget ends what is outstanding on a socket that was just closed. Under the mutex.
func (d *dispatcher) forget(waiters ...*waiter) {
	outstanding := false
	for _, w := range waiters {
		w.forget()
		outstanding = outstanding || w.operation != 0
	}
	if outstanding {
		d.poll()
	}
}

// CloseWrite lets the peer see the end of the stream, after what was written.
func (c *Conn) CloseWrite() error { return c.shut(C.COPAS_SHUT_SEND) }

// CloseRead ends the receiving direction: a Read that waits gets io.EOF.
func (c *Conn) CloseRead() error { return c.shut(C.COPAS_SHUT_RECEIVE) }

func (c *Conn) shut(how C.int) error {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.reading.closed {
		return c.fault("close", errStale)
	}
	C.bridge_shut(c.socket, how, c.d.answer)
	ended := outcomeOf(c.d.answer)
	if ended.status != C.COPAS_OK {
		return c.fault("close", ended.failure("shutdown"))
	}
	return nil
}

// LocalAddr is a *net.TCPAddr or a *net.UnixAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is a *net.TCPAddr or a *net.UnixAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines; they hold for calls that wait already, too.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, c.reading, c.writing) }

// SetReadDeadline sets the end of reads and receives; the zero time means none.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, c.reading) }

// SetWriteDeadline sets the end of writes; the zero time means none.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, c.writing) }

func (c *Conn) setDeadline(t time.Time, waiters ...*waiter) error {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.reading.closed {
		return c.fault("set", errStale)
	}
	for _, w := range waiters {
		w.setDeadline(t)
	}
	return nil
}

// fault wraps an error as package net does; io.EOF stays what it is.
func (c *Conn) fault(op string, err error) error {
	return wrapped(op, err, c.local, c.remote)
}
