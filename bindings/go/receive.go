// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
import "C"

import (
	"bytes"
	"errors"
	"io"
)

// The limits of a new connection, as in the library.
const (
	lineLimit = 1 << 20
	allLimit  = 64 << 20
)

// ErrTooLong says that a line or a block exceeds the connection's limit: see Conn.SetLimits.
var ErrTooLong = errors.New("copas: the data exceed the connection's limit")

// SetLimits sets how many bytes a line (at first 1 MiB; also what ReceiveUntil gives) and any other
// pattern (at first 64 MiB) may have; 0 leaves one unchanged. It holds for a receive that waits, too.
func (c *Conn) SetLimits(line, all int) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if line > 0 {
		c.lineLimit = line
	}
	if all > 0 {
		c.allLimit = all
	}
}

// pattern looks for its end in what has arrived; the first `seen` bytes were looked at before. It gives
// how many bytes it is and how many it takes, or errNotYet, or ErrTooLong. Under the mutex.
type pattern func(have []byte, seen int) (shown, taken int, err error)

var errNotYet = errors.New("copas: more bytes are needed")

// ReceiveLine gives a line without its LF and without any CR. With an error nothing is consumed: the
// bytes are what has arrived so far, and the next call sees them again. What has arrived wins over a
// deadline that has passed. While another goroutine receives it answers COPAS_BUSY: see StatusOf. All
// this holds for all patterns.
func (c *Conn) ReceiveLine() ([]byte, error) {
	line, err := c.ReceiveUntil("\n")
	if err == nil && bytes.IndexByte(line, '\r') >= 0 {
		line = bytes.ReplaceAll(line, []byte("\r"), nil)
	}
	return line, err
}

// ReceiveUntil gives the bytes up to a delimiter of 1 to 255 bytes, which is consumed but not given.
func (c *Conn) ReceiveUntil(delimiter string) ([]byte, error) {
	if len(delimiter) < 1 || len(delimiter) > 255 {
		return nil, c.fault("read", invalid("a delimiter has 1 to 255 bytes"))
	}
	return c.until([]byte(delimiter), 0)
}

// ReceiveLineRaw gives a line with its ending, byte for byte.
func (c *Conn) ReceiveLineRaw() ([]byte, error) { return c.until([]byte("\n"), 1) }

// until receives up to a delimiter, of which the first `kept` bytes are given too.
func (c *Conn) until(wanted []byte, kept int) ([]byte, error) {
	return c.match(func(have []byte, seen int) (int, int, error) {
		from := max(seen-len(wanted)+1, 0)
		at := bytes.Index(have[from:], wanted)
		switch {
		case at >= 0 && from+at <= c.lineLimit:
			return from + at + kept, from + at + len(wanted), nil
		case at < 0 && len(have)-len(wanted) < c.lineLimit:
			return 0, 0, errNotYet
		}
		return 0, 0, ErrTooLong
	})
}

// Receive gives exactly n bytes; 0 waits until there is something to read.
func (c *Conn) Receive(n int) ([]byte, error) {
	if n < 0 {
		return nil, c.fault("read", invalid("n is below 0"))
	}
	return c.match(func(have []byte, _ int) (int, int, error) {
		switch {
		case n > c.allLimit:
			return 0, 0, ErrTooLong
		case len(have) < max(n, 1):
			return 0, 0, errNotYet
		}
		return n, n, nil
	})
}

// ReceiveAll gives everything until the peer closes, at least one byte, else io.EOF.
func (c *Conn) ReceiveAll() ([]byte, error) {
	all, err := c.match(func(have []byte, _ int) (int, int, error) {
		if len(have) > c.allLimit {
			return 0, 0, ErrTooLong
		}
		return 0, 0, errNotYet
	})
	if err != io.EOF || len(all) == 0 {
		return all, err
	}
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	c.input = nil
	return all, nil
}

// match receives until the pattern has its end.
func (c *Conn) match(find pattern) ([]byte, error) {
	if !c.readers.TryLock() {
		return nil, c.fault("read", &Error{Status: C.COPAS_BUSY})
	}
	defer c.readers.Unlock()
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.reading.closed {
		return nil, c.fault("read", errStale)
	}
	seen := 0
	for {
		shown, taken, err := find(c.input, seen)
		if err == nil {
			found := bytes.Clone(c.input[:shown])
			c.input = c.input[taken:]
			return found, nil
		}
		seen = len(c.input)
		if err == errNotYet {
			err = c.more(true)
		}
		if err != nil {
			return bytes.Clone(c.input), c.fault("read", err)
		}
	}
}
