// SPDX-License-Identifier: MIT
//! The exports that put a status into words.

use super::c_int;
use super::memory::text;
use crate::status;
use core::ffi::c_char;

/// The name of a status, such as "COPAS_TIMEOUT"; "COPAS_UNKNOWN" for a number that is none.
/// A static string. May be called from any OS thread and before copas_new(). Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_status_name(status: c_int) -> *const c_char {
    status::name(status).as_ptr()
}

/// What a status means and what to do about it, in one line. A static string. May be called from
/// any OS thread and before copas_new(). Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_status_message(status: c_int) -> *const c_char {
    status::message(status).as_ptr()
}

/// 1 when the library that is loaded has a feature, else 0 (also for NULL): "tls", encrypted sockets,
/// as COPAS_HAS_TLS tells of the header. May be called from any OS thread. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_has_feature(name: *const c_char) -> c_int {
    // SAFETY: NULL or terminated, as the comment asks.
    let name = unsafe { text(name) };
    c_int::from(matches!(name, Ok(Some("tls"))) && cfg!(feature = "tls"))
}

/// The version of the library that is loaded, such as "0.1.0"; COPAS_VERSION is that of the header.
/// A static string. May be called from any OS thread. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
