// SPDX-License-Identifier: MIT
//! The C++ runtime's exception state: which exceptions an OS thread has caught and not yet let go,
//! and how many are in flight. It belongs to a stack, but the runtime keeps it per OS thread; so
//! each coroutine has its own two words, and every switch exchanges them. Without that, two
//! handlers that wait inside a `catch` would rethrow each other's exception.

use crate::sys::symbols;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::Relaxed;

/// `struct __cxa_eh_globals` of the Itanium C++ ABI, section 2.2.2: a pointer and a counter.
pub type Words = [usize; 2];

/// Gives the calling OS thread's words.
pub type Getter = unsafe extern "C" fn() -> *mut c_void;

/// The getter as an address; NULL in a program without C++.
static GETTER: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
/// Whether a program has given its own, so that looking for one must not replace it.
static GIVEN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Uses the program's own getter; None goes back to finding one.
pub fn set_getter(getter: Option<Getter>) {
    let address = getter.map_or(ptr::null_mut(), |getter| getter as *mut c_void);
    GIVEN.store(address, Relaxed);
    find_getter();
}

/// Looks for the C++ runtime among what is loaded now.
pub fn find_getter() {
    let mut getter = GIVEN.load(Relaxed);
    if getter.is_null() {
        let found = symbols::find(c"__cxa_get_globals");
        getter = found.map_or(ptr::null_mut(), |found| found.as_ptr());
    }
    GETTER.store(getter, Relaxed);
}

/// The calling OS thread's words, if the program has a C++ runtime.
pub fn words() -> Option<ptr::NonNull<Words>> {
    let getter = GETTER.load(Relaxed);
    if getter.is_null() {
        return None;
    }
    // SAFETY: the address is a Getter: it came from `set_getter`, or is the C++ runtime's function
    // of that name, whose type the ABI fixes.
    let words = unsafe { std::mem::transmute::<*mut c_void, Getter>(getter)() };
    ptr::NonNull::new(words.cast())
}

/// Puts `mine` in the place of the OS thread's words and gives those.
pub fn exchange(place: ptr::NonNull<Words>, mine: Words) -> Words {
    // SAFETY: the place is this OS thread's own, from `words` called on it just before; it has two
    // words, and the C++ runtime does not run meanwhile.
    unsafe { place.replace(mine) }
}
