// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Status is a copas_status of copas.h: 0 is success, the others are negative.
type Status int

// String is the name in copas.h, such as "COPAS_TIMEOUT".
func (s Status) String() string { return C.GoString(C.copas_status_name(C.int(s))) }

// Error is a failure that no system call explains.
type Error struct {
	Status Status
	// Text says what went wrong.
	Text string
	// What it is in terms of package net, or nil.
	meaning error
}

func (e *Error) Error() string {
	if e.meaning != nil {
		return e.meaning.Error()
	}
	if e.Text == "" {
		return e.Status.String() + ": " + C.GoString(C.copas_status_message(C.int(e.Status)))
	}
	return e.Status.String() + ": " + e.Text
}

// Unwrap gives net.ErrClosed for a call that began after the close.
func (e *Error) Unwrap() error { return e.meaning }

// errStale is the net.ErrClosed of calls that begin after the close; those that waited get it plain.
var errStale = &Error{Status: C.COPAS_STALE, meaning: net.ErrClosed}

func invalid(text string) error { return &Error{Status: C.COPAS_INVALID, Text: text} }

// StatusOf gives the status behind an error of this package, whatever it is in terms of package net; nil
// is COPAS_OK.
func StatusOf(err error) Status {
	if err == nil {
		return C.COPAS_OK
	}
	var own *Error
	if errors.As(err, &own) {
		return own.Status
	}
	for _, known := range meanings {
		if errors.Is(err, known.err) {
			return known.status
		}
	}
	var name *net.DNSError
	var address *net.AddrError
	var network net.UnknownNetworkError
	switch {
	case errors.As(err, &name):
		return C.COPAS_UNRESOLVED
	case errors.As(err, &address), errors.As(err, &network):
		return C.COPAS_INVALID
	}
	return C.COPAS_SYSTEM
}

var meanings = []struct {
	err    error
	status Status
}{
	{io.EOF, C.COPAS_CLOSED},
	{net.ErrClosed, C.COPAS_CLOSED},
	{io.ErrUnexpectedEOF, C.COPAS_TRUNCATED},
	{ErrTooLong, C.COPAS_TOO_LONG},
	{os.ErrDeadlineExceeded, C.COPAS_TIMEOUT},
	{context.DeadlineExceeded, C.COPAS_TIMEOUT},
	{context.Canceled, C.COPAS_CANCELED},
	{syscall.ECONNREFUSED, C.COPAS_REFUSED},
	{syscall.ECONNRESET, C.COPAS_CLOSED},
	{syscall.ECONNABORTED, C.COPAS_CLOSED},
	{syscall.EPIPE, C.COPAS_CLOSED},
	{syscall.ENOTCONN, C.COPAS_CLOSED},
	{syscall.ETIMEDOUT, C.COPAS_CLOSED},
	{syscall.EMFILE, C.COPAS_LIMIT},
	{syscall.ENFILE, C.COPAS_LIMIT},
	{syscall.ENOMEM, C.COPAS_NO_MEMORY},
}
