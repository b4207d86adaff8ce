// SPDX-License-Identifier: MIT
// The one list of status codes: it yields the Rust enum, the C enum of copas.h, and the texts of
// copas_status_name() and copas_status_message(). Numbers are stable: add at the end, never reuse.
statuses! {
    OK = 0, "success";
    TIMEOUT = -1, "the time limit passed first; nothing was consumed, so the call can be repeated";
    CLOSED = -2, "the connection is closed: the peer ended it, it broke, or this side closed it";
    CANCELED = -3, "the coroutine or operation was canceled: clean up and return";
    INVALID = -4, "an argument is not valid: see copas_error() for which";
    STALE = -5, "the handle belongs to an object that is closed, ended or freed";
    BUSY = -6, "another coroutine, operation or OS thread is using this already";
    WRONG_THREAD = -7, "the dispatcher belongs to another OS thread: use copas_post() to reach it";
    CANNOT_WAIT = -8, "this stack may not wait: call it from a coroutine, or outside of the loop";
    TOO_LONG = -9, "the data exceed the socket's limit: raise it with copas_setlimits(), or take them with copas_receive_some()";
    UNSUPPORTED = -10, "this kind of object, or this system, does not support the operation";
    NO_MEMORY = -11, "out of memory or address space";
    LIMIT = -12, "a limit of the process or the dispatcher is reached: too many descriptors or objects";
    SYSTEM = -13, "a system call failed: see copas_error() for its errno";
    REFUSED = -14, "the peer refused the connection: nothing listens on that address";
    PANIC = -15, "a defect in the library was caught: please report it";
    ABANDONED = -16, "coroutines that ignored their cancellation were abandoned: their stacks are leaked";
    FAILED = -17, "the coroutine failed";
    DESTROYED = -18, "the object was destroyed while the caller waited on it";
    NOT_OWNER = -19, "the lock belongs to somebody else, or to nobody: only its owner releases it";
    TOO_MANY = -20, "more than the semaphore's maximum";
    STOPPED = -21, "the queue or mailbox has been stopped: it takes no further items, and none is left";
    FORKED = -23, "the dispatcher was inherited by fork(): only its parent may use it; copas_free() it and make a new one";
    TRUNCATED = -25, "the stream ended without the close that TLS asks for: what came may have been cut off";
    TLS_FAILED = -26, "the TLS handshake or an encrypted record failed: see copas_error() for why";
    UNTRUSTED = -27, "the peer's certificate is not trusted, or not for its name: see copas_error() for why";
    UNRESOLVED = -22, "the name does not resolve to an address: see copas_error() for what the resolver says";
}
