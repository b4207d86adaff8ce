// SPDX-License-Identifier: MIT
//! Telling ThreadSanitizer, when the program runs under it, of the order that the library's locks and
//! atomic words give: it does not see them, and would take what they hand over for a race. Its
//! functions are looked up in the process, so that the one release library works with it.

use super::symbols;
use std::ffi::{CStr, c_void};
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32};

type Order = unsafe extern "C" fn(*mut c_void);

/// ThreadSanitizer's functions.
struct Tsan {
    acquire: Order,
    release: Order,
}

static TSAN: OnceLock<Option<Tsan>> = OnceLock::new();
/// The tool is there. All that is looked at without it, on the way of calls that are counted in
/// instructions.
static IS_THERE: AtomicBool = AtomicBool::new(false);

/// Looks whether the tool is there: before anything is handed over, and not in a signal handler.
pub fn prepare() {
    let found = TSAN.get_or_init(|| {
        Some(Tsan {
            acquire: function(c"__tsan_acquire")?,
            release: function(c"__tsan_release")?,
        })
    });
    if found.is_some() {
        IS_THERE.store(true, Release);
    }
}

fn function(name: &CStr) -> Option<Order> {
    let address = symbols::find(name)?.as_ptr();
    // SAFETY: the type is that of both functions in sanitizer/tsan_interface.h.
    Some(unsafe { std::mem::transmute::<*mut c_void, Order>(address) })
}

/// What this OS thread did is seen by whoever acquires the same word next.
pub fn released(word: &AtomicU32) {
    if IS_THERE.load(Relaxed) {
        tell(word, |tsan| tsan.release);
    }
}

/// The other half of `released`.
pub fn acquired(word: &AtomicU32) {
    if IS_THERE.load(Relaxed) {
        tell(word, |tsan| tsan.acquire);
    }
}

#[cold]
fn tell(word: &AtomicU32, which: fn(&Tsan) -> Order) {
    if let Some(Some(tsan)) = TSAN.get() {
        // SAFETY: the address only names the order; nothing is read or written there.
        unsafe { which(tsan)(word.as_ptr().cast()) };
    }
}
