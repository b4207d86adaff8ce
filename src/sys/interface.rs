// SPDX-License-Identifier: MIT
//! Network interfaces.

use std::ffi::CString;

/// The index of an interface by its name.
pub fn index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is terminated and lives during the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}
