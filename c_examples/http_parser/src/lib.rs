// SPDX-License-Identifier: MIT
//! The httparse crate behind one C function; http_parser.h documents it.
#![cfg_attr(not(feature = "hosted"), no_std)]

use core::ffi::{c_char, c_int};
use core::{ptr, slice};
use httparse::{EMPTY_HEADER, Error, Request, Status};

const MOST_HEADERS: usize = 64;

const INCOMPLETE: c_int = 0;
const MALFORMED: c_int = -1;
const TOO_MANY_HEADERS: c_int = -2;
const OTHER_VERSION: c_int = -3;

/// Bytes within what was parsed.
#[repr(C)]
pub struct HttpText {
    data: *const c_char,
    len: usize,
}

/// A header's name and value.
#[repr(C)]
pub struct HttpHeader {
    name: HttpText,
    value: HttpText,
}

/// struct http_request.
#[repr(C)]
pub struct HttpRequest {
    method: HttpText,
    target: HttpText,
    minor: c_int,
    header_count: usize,
    headers: [HttpHeader; MOST_HEADERS],
}

impl From<&[u8]> for HttpText {
    fn from(bytes: &[u8]) -> Self {
        HttpText {
            data: bytes.as_ptr().cast(),
            len: bytes.len(),
        }
    }
}

/// http_parse() of http_parser.h.
///
/// # Safety
/// `data` points to `len` bytes, `request` to a writable struct http_request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn http_parse(
    data: *const c_char,
    len: usize,
    request: *mut HttpRequest,
) -> c_int {
    if data.is_null() || len > c_int::MAX as usize {
        return MALFORMED;
    }
    // SAFETY: the caller says that the bytes are there.
    let bytes = unsafe { slice::from_raw_parts(data.cast::<u8>(), len) };
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = Request::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(Status::Partial) => INCOMPLETE,
        Ok(Status::Complete(end)) => {
            // SAFETY: the caller says that it is writable.
            unsafe { fill(request, &parsed) };
            end as c_int
        }
        Err(Error::TooManyHeaders) => TOO_MANY_HEADERS,
        Err(Error::Version) => OTHER_VERSION,
        Err(_) => MALFORMED,
    }
}

/// # Safety
/// `request` points to a writable struct http_request.
unsafe fn fill(request: *mut HttpRequest, parsed: &Request<'_, '_>) {
    let text = |text: Option<&str>| HttpText::from(text.unwrap_or_default().as_bytes());
    // SAFETY: the caller says that all of it is writable.
    unsafe {
        (&raw mut (*request).method).write(text(parsed.method));
        (&raw mut (*request).target).write(text(parsed.path));
        (&raw mut (*request).minor).write(parsed.version.unwrap_or(0).into());
        (&raw mut (*request).header_count).write(parsed.headers.len());
        let place: *mut HttpHeader = (&raw mut (*request).headers).cast();
        for (i, header) in parsed.headers.iter().enumerate() {
            let name = HttpText::from(header.name.as_bytes());
            let value = HttpText::from(header.value);
            ptr::write(place.add(i), HttpHeader { name, value });
        }
    }
}

/// Nothing here can panic on purpose; a defect ends the program.
#[cfg(not(feature = "hosted"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        safe fn abort() -> !;
    }
    abort()
}
