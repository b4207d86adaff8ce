// SPDX-License-Identifier: MIT
//! Failures of coroutines: marked while one runs, told at the end of its function.

use super::handle::Handle;
use super::thread::Thread;
use super::{Dispatcher, current, registry};
use std::ffi::CString;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// How many failures of this process are marked and not told. Every coroutine asks at its end; those that
/// it may have marked itself are counted on the OS thread that it runs on, or before the baton came there.
static MARKED: AtomicUsize = AtomicUsize::new(0);

/// One of them.
struct Mark;

impl Mark {
    fn new() -> Self {
        MARKED.fetch_add(1, Relaxed);
        Mark
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        MARKED.fetch_sub(1, Relaxed);
    }
}

/// A failure that copas_fail() has marked.
pub struct Failure {
    /// The coroutine.
    pub thread: Handle,
    /// The connection that it serves, if it is a handler.
    pub subject: Option<Handle>,
    /// A negative number.
    pub status: i32,
    /// What went wrong.
    pub text: CString,
    _mark: Mark,
}

/// Who is told of a failure.
pub type ErrorHandler = Rc<dyn Fn(&Failure)>;

/// The end of a coroutine's function, on its stack: its failure, if it marked one, is told.
#[inline]
pub fn conclude() {
    if MARKED.load(Relaxed) != 0 {
        tell();
    }
}

#[cold]
fn tell() {
    if let Some(d) = current::get().and_then(|handle| registry::enter(handle).ok()) {
        d.deliver_failure();
    }
}

impl Thread {
    /// Marks it as failed, in the place of what it was marked with.
    pub fn fail(&self, status: i32, text: CString) {
        self.extras().failure.replace(Some(Failure {
            thread: self.handle,
            subject: self.subject.get(),
            status,
            text,
            _mark: Mark::new(),
        }));
    }
}

impl Dispatcher {
    /// Tells the running coroutine's failure, if it marked one, to whom it concerns. Runs on its
    /// stack, at the end of its function.
    fn deliver_failure(&self) {
        let Some(thread) = self.running() else { return };
        let Some(extras) = thread.extras_if_any() else {
            return;
        };
        let Some(failure) = extras.failure.take() else {
            return;
        };
        let own = extras.error_handler.borrow().clone();
        let handler = own.or_else(|| self.error_handler.borrow().clone());
        match handler {
            Some(handler) => handler(&failure),
            None => self.report_failure(&thread, &failure, ""),
        }
        if let Some(second) = extras.failure.take() {
            self.report_failure(&thread, &second, " in its error handler");
        }
    }

    /// Reports a failure that nobody handled.
    fn report_failure(&self, thread: &Thread, failure: &Failure, place: &str) {
        let name = thread.name.borrow_mut().told();
        let socket = failure
            .subject
            .and_then(|socket| self.driver().name(socket));
        let socket = socket.map_or(String::new(), |socket| format!(" ({socket})"));
        let text = failure.text.to_string_lossy();
        let status = crate::status::name(failure.status).to_string_lossy();
        let status = if status == "COPAS_UNKNOWN" {
            failure.status.to_string()
        } else {
            status.into_owned()
        };
        self.report(
            super::LEVEL_ERROR,
            &format!("{name}{socket} failed{place}: {text} ({status})"),
        );
    }
}
