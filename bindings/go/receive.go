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
// pattern (at first 64 MiB) may have; 0 leaves one unchanged.
func (c *Conn) SetLimits(line, all int) {
	c.readers.Lock()
	defer c.readers.Unlock()
	if line > 0 {
		c.lineLimit = line
	}
	if all > 0 {
		c.allLimit = all
	}
}

// pattern looks for its end in what has arrived; the first `seen` bytes were looked at before. It gives
// how many bytes it is and how many it takes, which is 0 while its end is missing.
type pattern func(have []byte, seen int) (shown, taken int)

// ReceiveLine gives a line without its LF and without any CR. With an error nothing is consumed: the
// bytes are what has arrived so far, and the next call sees them again. This holds for all patterns.
func (c *Conn) ReceiveLine() ([]byte, error) {
	line, err := c.ReceiveUntil("\n")
	if err == nil && bytes.IndexByte(line, '\r') >= 0 {
		line = bytes.ReplaceAll(line, []byte("\r"), nil)
	}
	return line, err
}

// ReceiveUntil gives the bytes up to a delimiter, which is consumed but not given.
func (c *Conn) ReceiveUntil(delimiter string) ([]byte, error) {
	if delimiter == "" {
		return nil, c.fault("read", invalid("the delimiter is empty"))
	}
	return c.until([]byte(delimiter), 0)
}

// ReceiveLineRaw gives a line with its ending, byte for byte.
func (c *Conn) ReceiveLineRaw() ([]byte, error) { return c.until([]byte("\n"), 1) }

// until receives up to a delimiter, of which the first `kept` bytes are given too.
func (c *Conn) until(wanted []byte, kept int) ([]byte, error) {
	c.readers.Lock()
	defer c.readers.Unlock()
	return c.match(c.lineLimit, func(have []byte, seen int) (int, int) {
		from := max(seen-len(wanted)+1, 0)
		at := bytes.Index(have[from:], wanted)
		if at < 0 {
			return 0, 0
		}
		return from + at + kept, from + at + len(wanted)
	})
}

// Receive gives exactly n bytes.
func (c *Conn) Receive(n int) ([]byte, error) {
	if n < 1 {
		return nil, c.fault("read", invalid("n is below 1"))
	}
	c.readers.Lock()
	defer c.readers.Unlock()
	if n > c.allLimit {
		return nil, c.fault("read", ErrTooLong)
	}
	return c.match(c.allLimit, func(have []byte, _ int) (int, int) {
		if len(have) < n {
			return 0, 0
		}
		return n, n
	})
}

// ReceiveAll gives everything until the peer closes, at least one byte, else io.EOF.
func (c *Conn) ReceiveAll() ([]byte, error) {
	c.readers.Lock()
	defer c.readers.Unlock()
	all, err := c.match(c.allLimit, func([]byte, int) (int, int) { return 0, 0 })
	if err != io.EOF || len(all) == 0 {
		return all, err
	}
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	c.input = nil
	return all, nil
}

// match receives until the pattern has its end. Under c.readers.
func (c *Conn) match(limit int, find pattern) ([]byte, error) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if err := c.reading.check(); err != nil {
		return bytes.Clone(c.input), c.fault("read", err)
	}
	seen := 0
	for {
		shown, taken := find(c.input, seen)
		if shown > limit || taken == 0 && len(c.input) > limit {
			return bytes.Clone(c.input), c.fault("read", ErrTooLong)
		}
		if taken > 0 {
			found := bytes.Clone(c.input[:shown])
			c.input = c.input[taken:]
			return found, nil
		}
		seen = len(c.input)
		if err := c.more(); err != nil {
			return bytes.Clone(c.input), c.fault("read", err)
		}
	}
}

func invalid(text string) error { return &Error{Status: C.COPAS_INVALID, Text: text} }
