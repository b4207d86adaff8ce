// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
import "C"

import (
	"net"
	"os"
	"time"
)

// waiter is one direction of a socket, or a Dial: at most one operation is outstanding, at most one
// goroutine waits for it. All fields are under the dispatcher's mutex.
type waiter struct {
	d     *dispatcher
	token uint64
	// The outstanding operation, or 0.
	operation C.uint64_t
	// How the last one ended.
	ended   outcome
	waiting bool
	wake    chan struct{}
	closed  bool
	expired bool
	timer   *time.Timer
	// Counts deadlines, so that a timer that fires late does nothing.
	deadlines uint64
}

// submit begins an operation and gives its outcome if that is there at once. Under the mutex.
func (w *waiter) submit(over C.int) (outcome, bool) {
	if over != 0 {
		return outcomeOf(w.d.answer), true
	}
	w.operation = w.d.answer.operation
	return outcome{}, false
}

// wait gives the mutex away until the outstanding operation has ended.
func (w *waiter) wait() outcome {
	w.waiting = true
	w.d.mu.Unlock()
	<-w.wake
	w.d.mu.Lock()
	return w.ended
}

// waitUntilExpired is wait, but where the deadline has passed it cancels the operation.
func (w *waiter) waitUntilExpired() outcome {
	if w.expired {
		w.cancel()
	}
	if w.operation != 0 {
		return w.wait()
	}
	return w.ended
}

// complete ends the outstanding operation. Under the mutex.
func (w *waiter) complete(ended outcome) {
	w.operation = 0
	w.ended = ended
	if w.waiting {
		w.waiting = false
		w.wake <- struct{}{}
	}
	if w.closed {
		delete(w.d.waiters, w.token)
	}
}

// cancel ends the outstanding operation early, if there is one. Under the mutex.
func (w *waiter) cancel() {
	if w.operation != 0 {
		C.bridge_cancel(w.operation)
		w.d.poll()
	}
}

// forget says that nothing will be submitted any more. Under the mutex.
func (w *waiter) forget() {
	w.closed = true
	w.stopTimer()
	if w.operation == 0 {
		delete(w.d.waiters, w.token)
	}
}

// begin tells why a call may not begin now. Under the mutex.
func (w *waiter) begin() error {
	if w.closed {
		return errStale
	}
	return w.check()
}

// check tells why a call that has begun may not go on. Under the mutex.
func (w *waiter) check() error {
	switch {
	case w.closed:
		return net.ErrClosed
	case w.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// setDeadline also holds for the operation that is outstanding. Under the mutex.
func (w *waiter) setDeadline(t time.Time) {
	w.stopTimer()
	w.expired = false
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		w.expire()
		return
	}
	number := w.deadlines
	w.timer = time.AfterFunc(left, func() {
		w.d.mu.Lock()
		defer w.d.mu.Unlock()
		if w.deadlines == number {
			w.expire()
		}
	})
}

func (w *waiter) expire() {
	w.expired = true
	w.cancel()
}

func (w *waiter) stopTimer() {
	w.deadlines++
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}
