// SPDX-License-Identifier: MIT
//! Looking a name up in the process.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

/// The address of a symbol that the program or a library that it has loaded defines (dlsym(3)).
pub fn find(name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: the name is terminated; RTLD_DEFAULT searches what is loaded and loads nothing.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}
