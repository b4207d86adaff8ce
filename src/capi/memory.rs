// SPDX-License-Identifier: MIT
//! Reading what C points to, and writing where C wants it. Every pointer that is not NULL must be
//! valid for its documented size: that is the one thing the library cannot check.

use crate::net::Lent;
use crate::status::{Fault, Outcome};
use core::ffi::{CStr, c_char, c_void};
use std::mem;

use super::types::{copas_bytes, copas_choice};

/// Structs that grow with the versions: they begin with their size and may be all zero.
///
/// # Safety
/// The type is repr(C), its first field is a usize, and every field may hold zeros.
pub unsafe trait Growing: Copy {}

/// The largest struct that a newer caller may pass.
const LARGEST: usize = 4096;

/// A caller's struct.
pub struct Given<T> {
    /// What was given, NULL and missing fields as zeros. Nothing but a finalizer may be used before
    /// `check`.
    pub known: T,
    checked: Outcome<()>,
}

impl<T> Given<T> {
    /// The struct, if all of it can be understood.
    pub fn check(self) -> Outcome<T> {
        self.checked.map(|()| self.known)
    }
}

/// Reads a struct that begins with its size: a shorter one counts as filled up with zeros, of a
/// longer one the rest must be zeros; NULL counts as all zeros.
///
/// # Safety
/// `pointer` is NULL or points to as many bytes as its first usize says.
pub unsafe fn read_sized<T: Growing>(pointer: *const T) -> Given<T> {
    // SAFETY: `Growing` says that zeros are a value of T.
    let mut known: T = unsafe { mem::zeroed() };
    if pointer.is_null() {
        return Given {
            known,
            checked: Ok(()),
        };
    }
    // SAFETY: the caller says that at least the size is there.
    let size = unsafe { pointer.cast::<usize>().read_unaligned() };
    if !(mem::size_of::<usize>()..=LARGEST).contains(&size) {
        let text = "a struct's size field is not set: .size = sizeof the struct";
        return Given {
            known,
            checked: Err(Fault::invalid(text)),
        };
    }
    // SAFETY: the caller says that `size` bytes are there.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), size) };
    let (head, tail) = bytes.split_at(size.min(mem::size_of::<T>()));
    // SAFETY: `head` is no longer than T, which is plain data, as `Growing` says.
    unsafe { std::ptr::copy_nonoverlapping(head.as_ptr(), (&raw mut known).cast(), head.len()) };
    let text = "a struct has fields that this version does not know";
    let clean = tail.iter().all(|&byte| byte == 0);
    let checked = clean.then_some(()).ok_or_else(|| Fault::invalid(text));
    Given { known, checked }
}

/// Fills a struct that begins with its size, as far as the caller's version goes.
///
/// # Safety
/// `pointer` is NULL or points to as many bytes as its first usize says, writable.
pub unsafe fn write_sized<T: Growing>(pointer: *mut T, value: &T) -> Outcome<()> {
    if pointer.is_null() {
        return Err(Fault::invalid("the struct to fill is NULL"));
    }
    // SAFETY: the caller says that at least the size is there.
    let size = unsafe { pointer.cast::<usize>().read_unaligned() };
    let head = mem::size_of::<usize>();
    if !(head + 1..=LARGEST).contains(&size) {
        return Err(Fault::invalid(
            "a struct's size field is not set: .size = sizeof the struct",
        ));
    }
    let tail = size.min(mem::size_of::<T>()) - head;
    let from = std::ptr::from_ref(value).cast::<u8>();
    // SAFETY: both have `head + tail` bytes; the caller's struct is not the library's.
    unsafe { std::ptr::copy_nonoverlapping(from.add(head), pointer.cast::<u8>().add(head), tail) };
    Ok(())
}

/// The choices of a caller.
///
/// # Safety
/// `choices` is NULL or points to `count` of them, which nobody else uses while the call lasts.
pub unsafe fn choices_of<'a>(
    choices: *mut copas_choice,
    count: usize,
) -> Outcome<&'a mut [copas_choice]> {
    if choices.is_null() {
        return Err(Fault::invalid("choices is NULL"));
    }
    // SAFETY: not NULL, and the caller says that they are there; plain data of any value.
    Ok(unsafe { std::slice::from_raw_parts_mut(choices, count) })
}

/// Where a result goes that must not be NULL.
///
/// # Safety
/// `pointer` is NULL or points to a writable T.
#[inline]
pub unsafe fn place<'a, T>(pointer: *mut T, name: &str) -> Outcome<&'a mut mem::MaybeUninit<T>> {
    // SAFETY: the caller says so; a MaybeUninit may hold anything.
    unsafe { pointer.cast::<mem::MaybeUninit<T>>().as_mut() }.ok_or_else(|| missing(name))
}

#[cold]
#[inline(never)]
fn missing(name: &str) -> Fault {
    Fault::invalid(format!("{name} is NULL"))
}

/// Writes a result where the caller wants it, if anywhere.
///
/// # Safety
/// `pointer` is NULL or points to a writable T.
pub unsafe fn put<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: the caller says that it is writable.
        unsafe { pointer.write(value) };
    }
}

/// The bytes of a caller.
///
/// # Safety
/// `data` is NULL or points to `len` bytes, which nobody writes while the call lasts.
#[inline]
pub unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Outcome<&'a [u8]> {
    check(data, len)?;
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: not NULL, a length that a slice may have, and the caller says that they are there.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), len) })
}

/// The memory of a caller.
///
/// # Safety
/// `memory` is NULL or points to `len` initialised or uninitialised bytes that nobody else uses
/// while the call lasts.
pub unsafe fn bytes_mut<'a>(memory: *mut c_void, len: usize) -> Outcome<&'a mut [u8]> {
    check(memory, len)?;
    if len == 0 {
        return Ok(&mut []);
    }
    // SAFETY: not NULL, a length that a slice may have, and the caller says that they are there;
    // the library only ever writes to them.
    Ok(unsafe { std::slice::from_raw_parts_mut(memory.cast(), len) })
}

fn check(data: *const c_void, len: usize) -> Outcome<()> {
    if data.is_null() && len != 0 {
        return Err(Fault::invalid(
            "the data pointer is NULL but the length is not 0",
        ));
    }
    if len > isize::MAX as usize {
        return Err(Fault::invalid("the length is beyond what memory can hold"));
    }
    Ok(())
}

/// A caller's text; None for NULL.
///
/// # Safety
/// `text` is NULL or ends with a NUL.
pub unsafe fn text<'a>(text: *const c_char) -> Outcome<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller says that it is terminated.
    let text = unsafe { CStr::from_ptr(text) }.to_str();
    text.map(Some)
        .map_err(|_| Fault::invalid("a text is not UTF-8"))
}

/// Lent bytes as C sees them.
pub fn lent((data, len): Lent) -> copas_bytes {
    copas_bytes {
        data: data.cast(),
        len,
    }
}
