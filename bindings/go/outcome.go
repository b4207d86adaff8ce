// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
import "C"

import (
	"io"
	"os"
	"syscall"
	"unsafe"
)

// outcome is how an operation ended.
type outcome struct {
	status int
	errno  syscall.Errno
	result C.uint64_t
	// Received bytes: the library's memory, until the next receive on the socket or its close.
	data []byte
	// What went wrong, in words.
	words string
	hosts []C.copas_address
}

// outcomeOf copies what does not last. Under the mutex.
func outcomeOf(o *C.struct_bridge_outcome) outcome {
	told := outcome{
		status: int(o.status),
		errno:  syscall.Errno(o.sys_errno),
		result: o.result,
	}
	switch {
	case o.len == 0:
	case o.kind == C.COPAS_EVENT_RECEIVE:
		told.data = unsafe.Slice((*byte)(unsafe.Pointer(o.data)), int(o.len))
	case o.kind == C.COPAS_EVENT_RESOLVE && o.status == C.COPAS_OK:
		lent := unsafe.Slice((*C.copas_address)(unsafe.Pointer(o.data)), int(o.len))
		told.hosts = append(told.hosts, lent...)
	default:
		told.words = C.GoStringN(o.data, C.int(o.len))
	}
	return told
}

// failure is the error of an outcome that is not COPAS_OK, as package net would have it; `call` names
// the system call behind it.
func (o outcome) failure(call string) error {
	switch {
	case o.status == C.COPAS_STALE:
		return errStale
	case o.status == C.COPAS_TIMEOUT && o.errno == 0:
		return os.ErrDeadlineExceeded
	case o.status == C.COPAS_TRUNCATED && call == "read":
		return io.ErrUnexpectedEOF
	case o.status == C.COPAS_TRUNCATED:
		return &Error{Status: Status(o.status), Text: o.words}
	case o.errno != 0:
		return os.NewSyscallError(call, o.errno)
	case o.status == C.COPAS_REFUSED:
		return os.NewSyscallError(call, syscall.ECONNREFUSED)
	case o.status == C.COPAS_CLOSED && call == "read":
		return io.EOF
	case o.status == C.COPAS_CLOSED:
		return os.NewSyscallError(call, syscall.EPIPE)
	}
	return &Error{Status: Status(o.status), Text: o.words}
}
