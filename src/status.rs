// SPDX-License-Identifier: MIT
//! How a call ended: the status codes of the C ABI, and the error type that carries one upwards.

use core::ffi::CStr;
use std::io;

macro_rules! statuses {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        /// A status code; see its texts in status.list.rs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        // Some are for programs only, such as FAILED for copas_fail().
        #[allow(dead_code)]
        #[repr(i32)]
        pub enum Status {
            $(#[doc = $text] $name = $code,)*
        }

        /// Code, C name and message of every status.
        const TABLE: &[(i32, &CStr, &CStr)] = &[$((
            $code,
            c_text(concat!("COPAS_", stringify!($name), "\0")),
            c_text(concat!($text, "\0")),
        )),*];
    };
}

/// A C string of a literal that ends with its NUL; anything else fails to compile.
const fn c_text(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a status text has a NUL inside"),
    }
}

include!("status.list.rs");

impl Status {
    /// What it means and what to do about it.
    pub fn message(self) -> &'static str {
        message(self as i32).to_str().unwrap_or_default()
    }
}

/// The C name of a status code.
pub fn name(code: i32) -> &'static CStr {
    find(code).map_or(c"COPAS_UNKNOWN", |entry| entry.1)
}

/// The message of a status code.
pub fn message(code: i32) -> &'static CStr {
    find(code).map_or(c"not a status of this library", |entry| entry.2)
}

/// The table's row of a code.
fn find(code: i32) -> Option<&'static (i32, &'static CStr, &'static CStr)> {
    TABLE.iter().find(|entry| entry.0 == code)
}

/// A status other than OK, with its detail.
#[derive(Debug)]
pub struct Fault {
    /// What is answered to the caller.
    pub status: Status,
    /// The errno behind it, or 0.
    pub errno: i32,
    /// What went wrong in words; None: the status' message says it all.
    pub text: Option<Box<str>>,
}

/// What every operation gives back.
pub type Outcome<T> = Result<T, Fault>;

impl Fault {
    /// A status with words of its own.
    #[cold]
    pub fn new(status: Status, text: impl Into<Box<str>>) -> Self {
        Fault {
            status,
            errno: 0,
            text: Some(text.into()),
        }
    }

    /// COPAS_INVALID, with what is wrong and what would be right.
    #[cold]
    pub fn invalid(text: impl Into<Box<str>>) -> Self {
        Fault::new(Status::INVALID, text)
    }

    /// The fault of a failed system call. `doing` names the action: "bind 127.0.0.1:80".
    #[cold]
    pub fn system(error: &io::Error, doing: &str) -> Self {
        let errno = error.raw_os_error().unwrap_or(0);
        let text = Some(format!("{doing}: {error}").into());
        Fault {
            status: of_errno(errno),
            errno,
            text,
        }
    }

    /// What went wrong, in words.
    pub fn describe(&self) -> &str {
        self.text
            .as_deref()
            .unwrap_or_else(|| self.status.message())
    }

    /// The fault of an errno on a connection.
    #[cold]
    pub fn errno(errno: i32) -> Self {
        Fault {
            status: of_errno(errno),
            errno,
            text: None,
        }
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Fault {
            status,
            errno: 0,
            text: None,
        }
    }
}

/// The status that an errno is answered with.
fn of_errno(errno: i32) -> Status {
    match errno {
        libc::ECONNRESET | libc::ECONNABORTED | libc::EPIPE | libc::ENOTCONN => Status::CLOSED,
        libc::ECONNREFUSED => Status::REFUSED,
        libc::ETIMEDOUT => Status::CLOSED,
        libc::EPROTO => Status::TLS_FAILED,
        libc::EMFILE | libc::ENFILE | libc::ENOSPC => Status::LIMIT,
        libc::ENOMEM | libc::ENOBUFS => Status::NO_MEMORY,
        libc::EOPNOTSUPP | libc::ENOPROTOOPT | libc::EPERM => Status::UNSUPPORTED,
        _ => Status::SYSTEM,
    }
}
