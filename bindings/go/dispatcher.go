// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
// #include <stdlib.h>
// #cgo nocallback bridge_receive
// #cgo noescape bridge_send
// #cgo nocallback bridge_send
// #cgo nocallback bridge_poll
import "C"

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// dispatcher is the one of the process: every call into the library is made under its mutex, and one
// goroutine waits in Go's netpoller for what completes.
type dispatcher struct {
	mu     sync.Mutex
	handle C.uint64_t
	// Where submissions answer: C memory, so that a call checks and pins nothing. Under mu.
	answer *C.struct_bridge_outcome
	// What a poll gives. Under mu.
	polled []C.struct_bridge_outcome
	// Who waits for what, by token. Under mu.
	waiters map[uint64]*waiter
	tokens  uint64
}

var process struct {
	sync.Mutex
	d *dispatcher
}

// shared gives the dispatcher of the process, made when it is first needed; a failure is not kept.
func shared() (*dispatcher, error) {
	process.Lock()
	defer process.Unlock()
	if process.d == nil {
		d, err := newDispatcher()
		if err != nil {
			return nil, err
		}
		process.d = d
	}
	return process.d, nil
}

func newDispatcher() (*dispatcher, error) {
	var backend, errno C.int
	handle := C.bridge_new(&backend, &errno)
	if handle == 0 {
		return nil, os.NewSyscallError("copas_new", syscall.Errno(errno))
	}
	outcomes := (*C.struct_bridge_outcome)(C.calloc(C.BRIDGE_OUTCOMES+1, C.sizeof_struct_bridge_outcome))
	all := unsafe.Slice(outcomes, C.BRIDGE_OUTCOMES+1)
	d := &dispatcher{
		handle:  handle,
		answer:  &all[C.BRIDGE_OUTCOMES],
		polled:  all[:C.BRIDGE_OUTCOMES],
		waiters: make(map[uint64]*waiter),
	}
	if err := d.watch(int(backend)); err != nil {
		C.bridge_free(handle)
		C.free(unsafe.Pointer(outcomes))
		return nil, err
	}
	return d, nil
}

// watch has Go's netpoller watch a duplicate of the library's descriptor.
func (d *dispatcher) watch(backend int) error {
	// Close-on-exec as all that Go opens.
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(backend), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return os.NewSyscallError("fcntl", errno)
	}
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		_ = syscall.Close(int(fd))
		return os.NewSyscallError("setnonblock", err)
	}
	file := os.NewFile(fd, "copas")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return err
	}
	go func() {
		// It ends with the process.
		_ = raw.Read(func(uintptr) bool {
			d.drain()
			return false
		})
		runtime.KeepAlive(file)
	}()
	return nil
}

// drain polls until nothing is left. Between two polls those that were woken run first: what they
// submit may be over in the next one, without a wait in the netpoller.
func (d *dispatcher) drain() {
	for {
		d.mu.Lock()
		count := d.poll()
		d.mu.Unlock()
		if count <= 0 {
			return
		}
		runtime.Gosched()
	}
}

// poll hands out what has completed. Under mu.
func (d *dispatcher) poll() int {
	count := int(C.bridge_poll(d.handle, &d.polled[0]))
	for i := range max(count, 0) {
		event := &d.polled[i]
		if w := d.waiters[uint64(event.token)]; w != nil {
			w.complete(outcomeOf(event))
		}
	}
	return count
}

// newWaiter registers a waiter, until forget. Under mu.
func (d *dispatcher) newWaiter() *waiter {
	d.tokens++
	w := &waiter{d: d, token: d.tokens, wake: make(chan struct{}, 1)}
	d.waiters[w.token] = w
	return w
}
