// SPDX-License-Identifier: MIT
//! The dispatcher's exports: making it, stepping it, ending it.

use super::guard::{answer, any_handle, caught, handle_of, on_dispatcher, pointer, seconds};
use super::memory::{Growing, read_sized, write_sized};
use super::types::*;
use super::user::User;
use super::{c_int, copas_status};
use crate::coroutine::exceptions;
use crate::dispatcher::registry::{self, Claim};
use crate::dispatcher::{Dispatcher, Letter, Report, Settings, current, free, signal};
use crate::net::Net;
use crate::status::{Fault, Outcome, Status};
use crate::sync;
use crate::sys::clock::Clock;
use crate::sys::{memory, os_thread};
use core::ffi::{CStr, c_void};
use std::ffi::CString;
use std::io::Write;
use std::rc::Rc;

/// Bytes of a stack where the program asks for no other: what deep library calls such as
/// getaddrinfo() need, committed page by page.
const STACK_SIZE: usize = 256 * 1024;
/// Bytes of the smallest stack: below it printf() alone may overflow.
const LEAST_STACK: usize = 64 * 1024;
/// Bytes of the largest stack.
const LARGEST_STACK: usize = 1 << 30;

/// OS threads for handlers where the program asks for no other number: enough for what language
/// runtimes do with OS threads, 1 GiB of address space at most.
const OS_THREADS: usize = 512;
/// The largest number of OS threads: no system has more.
const MOST_OS_THREADS: usize = 1 << 20;

/// Bytes of the smallest memory budget: sixteen buffers.
const LEAST_MEMORY: usize = 1 << 20;
/// Which part of the machine's memory the buffers may have where the program does not say: far more than
/// servers at work need, and what leaves room for the rest of the program.
const MEMORY_SHARE: usize = 4;

/// copas_config.flags: no reports on stderr.
const QUIET: u64 = 1;
/// copas_config.flags: completions only, from any OS thread, one call at a time.
pub(super) const UNBOUND: u64 = 2;
/// copas_config.flags: marks of the stacks' use are kept.
const STACK_MARKS: u64 = 32;

// SAFETY: repr(C), the size first, and every field may be zero (NULL functions are None).
unsafe impl Growing for copas_config {}
// SAFETY: as above.
unsafe impl Growing for copas_error_info {}

/// Makes a dispatcher with the settings of `config`, which is copied; NULL takes the defaults.
///
/// Gives NULL when `config` is not valid (EINVAL: its size is 0, a flag is unknown, the stack size
/// or the number of OS threads is out of range), when descriptors (EMFILE, ENFILE) or memory (ENOMEM) are used up, or when the
/// process has 1,023 dispatchers already (EAGAIN); errno tells which. Free it with copas_free().
/// May be called from any OS thread. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_new(config: *const copas_config) -> *mut copas {
    let made = caught(Err(Status::PANIC.into()), || {
        // SAFETY: NULL or a struct with its size, as the comment asks.
        let config = unsafe { read_sized(config) }.check()?;
        registry::publish(|claim| make(claim, config))
    });
    match made {
        Ok(handle) => pointer(handle),
        Err(fault) => {
            os_thread::set_errno(errno_of(&fault));
            std::ptr::null_mut()
        }
    }
}

/// Frees a dispatcher and everything that belongs to it. NULL is fine: COPAS_OK.
///
/// Its coroutines are canceled and run to their end, for at most 1 second. Those that ignore the
/// cancellation are abandoned: their stacks are leaked, never unwound, or their OS threads wait for
/// ever, what they waited for is released, a report names how many, and the answer is COPAS_ABANDONED. All sockets are closed;
/// output that the kernel does not take at once is lost. The OS threads of handlers have ended when it
/// returns. The handle is stale afterwards.
///
/// In a child of fork() nobody runs: what was inherited is closed here, what the child has copies of goes to
/// their finalizers, and the parent's goes on.
///
/// Errors: COPAS_CANNOT_WAIT inside its own loop, a coroutine or a callback (nothing is freed);
/// COPAS_WRONG_THREAD, COPAS_STALE, COPAS_INVALID. Steps the dispatcher for at
/// most 1 second.
#[unsafe(no_mangle)]
pub extern "C" fn copas_free(c: *mut copas) -> copas_status {
    if c.is_null() {
        return Status::OK as copas_status;
    }
    answer(|| free(handle_of(c)?))
}

/// Runs the dispatcher until nothing is left to do; then COPAS_OK.
///
/// `timeout` is the longest wait of one step in seconds (COPAS_FOREVER: as long as nothing
/// happens; it does not end the loop). What keeps the loop alive: a server, a wait on a socket, a
/// ready coroutine, any wait with a time limit, a pending post, a closed socket whose output is
/// still being written, an unfinished submission, a wait on a mailbox, and copas_hold(). What does not:
/// coroutines asleep for ever, and waits without a time limit on other coroutines.
///
/// When all work is done the exit flag is raised, so that those in copas_waitforexit() run; when
/// they add no work, the loop ends. Can be called again.
///
/// Errors: COPAS_CANNOT_WAIT inside a coroutine, a callback or another dispatcher's loop;
/// COPAS_SYSTEM when the kernel's poller fails; COPAS_INVALID (also when `timeout` is NAN),
/// COPAS_STALE, COPAS_WRONG_THREAD. Binds the dispatcher to the calling OS thread.
#[unsafe(no_mangle)]
pub extern "C" fn copas_loop(c: *mut copas, timeout: f64) -> copas_status {
    on_dispatcher(c, |d| {
        let timeout = seconds(timeout)?;
        d.bind();
        Ok(d.run(timeout)?)
    })
}

/// Runs one iteration of the dispatcher, waiting at most `timeout` seconds for something to do
/// (0: not at all, COPAS_FOREVER: without limit), and not past the end of the root stack's scope.
///
/// COPAS_OK: something was done. COPAS_TIMEOUT: nothing was, within the time (also at once when
/// nothing is left that could happen). Steps the dispatcher; errors: as copas_loop().
#[unsafe(no_mangle)]
pub extern "C" fn copas_step(c: *mut copas, timeout: f64) -> copas_status {
    on_dispatcher(c, |d| {
        let timeout = seconds(timeout)?;
        d.bind();
        let timeout = d.within_scope(timeout);
        match d.step(if d.is_finished() { 0.0 } else { timeout })? {
            true => Ok(()),
            false => Err(Status::TIMEOUT.into()),
        }
    })
}

/// 1 when nothing is left that keeps copas_loop() alive, 0 when something is; else an error:
/// COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_finished(c: *mut copas) -> c_int {
    on_dispatcher(c, |d| Ok(d.is_finished()))
}

/// Raises the exit flag and releases those in copas_waitforexit(). Nobody is interrupted: servers
/// and coroutines go on until they end by themselves. To end them use copas_shutdown().
///
/// May be called before the loop, from any OS thread, and from a signal handler.
/// Errors: COPAS_INVALID, COPAS_STALE. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_exit(c: *mut copas) -> copas_status {
    visit(c, |inbox| inbox.raise(signal::EXIT))
}

/// 1 when the exit flag is raised, else 0; or COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD.
/// The flag is lowered when copas_loop() starts again after it has ended. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_exiting(c: *mut copas) -> c_int {
    on_dispatcher(c, |d| Ok(d.is_exiting()))
}

/// Waits until the exit flag is raised; COPAS_OK at once when it is. Does not keep the loop alive.
/// Switch point. Errors: COPAS_CANCELED, COPAS_CANNOT_WAIT, COPAS_INVALID, COPAS_STALE,
/// COPAS_WRONG_THREAD.
#[unsafe(no_mangle)]
pub extern "C" fn copas_waitforexit(c: *mut copas) -> copas_status {
    on_dispatcher(c, |d| {
        d.bind();
        sync::wait_for_exit(d)
    })
}

/// Starts a shutdown and returns at once: the dispatcher accepts the connections that the kernel has taken
/// for its servers, removes these (closing their listening sockets), raises the exit flag, gives the
/// coroutines `grace` seconds to end (COPAS_FOREVER: all the time they want), then cancels those that are
/// left. Who ignores that for another second is abandoned and reported. copas_loop() then returns. Of
/// dispatchers that copas_loop_many() runs it shuts all down.
///
/// A second call with an earlier end shortens the grace. May be called from any OS thread and from
/// a signal handler. Errors: COPAS_INVALID (also when `grace` is NAN), COPAS_STALE. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_shutdown(c: *mut copas, grace: f64) -> copas_status {
    if grace.is_nan() {
        return Status::INVALID as copas_status;
    }
    visit(c, |inbox| inbox.shutdown(grace))
}

/// Keeps copas_loop() alive until the matching copas_release(); calls add up. For work that the
/// dispatcher cannot see, such as another OS thread that will call copas_post().
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_hold(c: *mut copas) -> copas_status {
    on_dispatcher(c, |d| {
        d.hold();
        Ok(())
    })
}

/// Takes one copas_hold() back. Errors: COPAS_INVALID (also when there is none to take back),
/// COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_release(c: *mut copas) -> copas_status {
    on_dispatcher(c, |d| match d.release() {
        true => Ok(()),
        false => Err(Fault::invalid("there is no copas_hold() to take back")),
    })
}

/// Has `fn` run once with `user`, on the dispatcher's OS thread, in its next step. Posts run in the
/// order of their calls. A pending post keeps the loop alive; one that never ran because the
/// dispatcher was freed is dropped: see copas_post_with() for what its `user` owns.
///
/// May be called from any OS thread, but not from a signal handler (use copas_notify()).
/// Errors: COPAS_INVALID (also when `fn` is NULL), COPAS_STALE (`fn` will not run). Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_post(
    c: *mut copas,
    r#fn: copas_post_fn,
    user: *mut c_void,
) -> copas_status {
    post(c, r#fn, User::new(user, None))
}

/// copas_post() whose `user` is released by exactly one call of `user_free` (which may be NULL): when `fn`
/// has returned, when it will not run because the dispatcher was freed, or when this call fails. That
/// happens on the OS thread that runs or frees the dispatcher, or on the caller's.
/// Errors: as copas_post(). Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_post_with(
    c: *mut copas,
    r#fn: copas_post_fn,
    user: *mut c_void,
    user_free: copas_free_fn,
) -> copas_status {
    post(c, r#fn, User::new(user, user_free))
}

fn post(c: *const copas, function: copas_post_fn, user: User) -> copas_status {
    answer(|| {
        let call = function.ok_or_else(|| Fault::invalid("the function to post is NULL"))?;
        let posted = Posted { call, user };
        registry::visit(handle_of(c)?, |inbox| {
            inbox.post(Letter::Call(Box::new(|d| posted.run(d))))
        })
    })
}

/// Wakes the dispatcher: the step that waits, or else the next one, returns without waiting.
/// May be called from any OS thread and from a signal handler.
/// Errors: COPAS_INVALID, COPAS_STALE. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_notify(c: *mut copas) -> copas_status {
    visit(c, |inbox| inbox.raise(signal::NOTIFY))
}

/// Seconds on the monotonic clock, read afresh. NAN when `c` is NULL, stale, or bound to another
/// OS thread. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_now(c: *mut copas) -> f64 {
    caught(f64::NAN, || {
        let d = handle_of(c).and_then(registry::enter);
        d.map_or(f64::NAN, |d| d.now() as f64 / 1e9)
    })
}

/// The dispatcher whose coroutine or callback is running on this OS thread; NULL outside of its
/// loop. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_current() -> *mut copas {
    current::get().map_or(std::ptr::null_mut(), pointer)
}

/// The dispatcher of a socket, coroutine or operation; NULL when `handle` is none or its
/// dispatcher is freed. `handle` may be stale otherwise. May be called from any OS thread.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_of(handle: *const c_void) -> *mut copas {
    let dispatcher = any_handle(handle).and_then(registry::dispatcher_of);
    dispatcher.map_or(std::ptr::null_mut(), pointer)
}

/// Fills `info` with the detail of the last call that failed in this coroutine, or on the root
/// stack when called there. Set `info->size` first.
///
/// Errors: COPAS_INVALID (also when `info` is NULL or its size is too small), COPAS_STALE,
/// COPAS_WRONG_THREAD; these do not change the detail. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_error(c: *mut copas, info: *mut copas_error_info) -> copas_status {
    answer(|| {
        let d = registry::enter(handle_of(c)?)?;
        d.with_detail(|detail| {
            detail.borrowed = CString::new(detail.text.replace('\0', " ")).unwrap_or_default();
            let (status, sys_errno) = (detail.status as c_int, detail.errno);
            let told = copas_error_info {
                size: 0,
                status,
                sys_errno,
                text: detail.borrowed.as_ptr(),
            };
            // SAFETY: NULL or a struct with its size, as the comment asks.
            unsafe { write_sized(info, &told) }
        })
    })
}

/// Gives the C++ runtime's exception state to the library, for a program that links libstdc++
/// statically: `copas_set_cxa_globals((copas_cxa_globals_fn)abi::__cxa_get_globals)`. Elsewhere the
/// library finds it by itself. Call it before the first coroutine runs; NULL goes back to finding.
/// Holds for the whole process; may be called from any OS thread. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_set_cxa_globals(get: copas_cxa_globals_fn) {
    exceptions::set_getter(get);
}

/// Makes the dispatcher and its sockets.
pub(super) fn make(claim: Claim, config: copas_config) -> Outcome<Rc<Dispatcher>> {
    exceptions::find_getter();
    let slots_from = claim.slots_from;
    let memory_budget = memory_budget_of(&config)?;
    let d = Dispatcher::new(claim, settings(config)?)?;
    Net::attach(&d, slots_from, memory_budget);
    Ok(d)
}

/// Bytes that the buffers of a caller's dispatcher may have.
fn memory_budget_of(config: &copas_config) -> Outcome<usize> {
    match config.memory_budget {
        0 => Ok((memory::installed() / MEMORY_SHARE).max(LEAST_MEMORY)),
        LEAST_MEMORY.. => Ok(config.memory_budget),
        few => Err(Fault::invalid(format!(
            "a memory_budget of {few} bytes is less than {LEAST_MEMORY}"
        ))),
    }
}

/// The settings of a caller, checked.
fn settings(config: copas_config) -> Outcome<Settings> {
    if config.flags & !(QUIET | UNBOUND | STACK_MARKS) != 0 {
        return Err(Fault::invalid(
            "copas_config.flags has a flag that this version does not know",
        ));
    }
    let stack_size = match check_stack_size(config.stack_size)? {
        0 => STACK_SIZE,
        size => size,
    };
    let os_threads = match config.os_threads {
        0 => OS_THREADS,
        1..=MOST_OS_THREADS => config.os_threads,
        more => {
            return Err(Fault::invalid(format!(
                "{more} OS threads are more than {MOST_OS_THREADS}"
            )));
        }
    };
    Ok(Settings {
        report: report_of(&config),
        stack_size,
        os_threads,
        clock: Clock::Monotonic,
        unbound: config.flags & UNBOUND != 0,
        stack_marks: config.flags & STACK_MARKS != 0,
    })
}

/// Where the reports of a caller's dispatcher go.
pub(super) fn report_of(config: &copas_config) -> Report {
    let user = config.report_user;
    match config.report {
        Some(call) => Box::new(move |level, text| {
            let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
            // SAFETY: the program's function with the program's pointer, as copas_config asks.
            unsafe { call(level, text.as_ptr(), user) }
        }),
        None if config.flags & QUIET != 0 => Box::new(|_, _| ()),
        None => Box::new(|_, text| {
            let _ = writeln!(std::io::stderr(), "copas: {text}");
        }),
    }
}

/// A stack size that a caller asked for; 0 stands for the default.
pub(super) fn check_stack_size(size: usize) -> Outcome<usize> {
    match size {
        0 | LEAST_STACK..=LARGEST_STACK => Ok(size),
        _ => Err(Fault::invalid(format!(
            "a stack of {size} bytes is not within {LEAST_STACK} to {LARGEST_STACK}"
        ))),
    }
}

/// What errno says of a dispatcher that could not be made.
fn errno_of(fault: &Fault) -> c_int {
    match fault.status {
        _ if fault.errno != 0 => fault.errno,
        Status::INVALID => libc::EINVAL,
        Status::LIMIT => libc::EAGAIN,
        Status::NO_MEMORY => libc::ENOMEM,
        _ => libc::EIO,
    }
}

/// Uses the inbox of a dispatcher, from any OS thread and from signal handlers.
fn visit(c: *const copas, act: impl FnOnce(&crate::dispatcher::Inbox)) -> copas_status {
    os_thread::keeping_errno(|| {
        match handle_of(c).and_then(|handle| registry::visit(handle, act)) {
            Ok(()) => Status::OK as copas_status,
            Err(fault) => fault.status as copas_status,
        }
    })
}

/// A callback on its way to the dispatcher's OS thread.
struct Posted {
    call: unsafe extern "C" fn(c: *mut copas, user: *mut c_void),
    user: User,
}

// SAFETY: the library only carries the pointer; that it may be used on the dispatcher's OS thread
// is what the program says by posting it.
unsafe impl Send for Posted {}

impl Posted {
    fn run(self, d: &Dispatcher) {
        // SAFETY: the program's function with the program's pointer.
        unsafe { (self.call)(pointer(d.handle), self.user.pointer()) };
    }
}

/// A text of the program as its message, or the status' own message.
pub(super) fn text_or_message(text: Option<&str>, status: c_int) -> CString {
    let message: &CStr = crate::status::message(status);
    text.and_then(|text| CString::new(text).ok())
        .unwrap_or_else(|| message.to_owned())
}
