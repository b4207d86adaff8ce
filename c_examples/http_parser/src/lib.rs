// SPDX-License-Identifier: MIT
//! The httparse crate as a C function; http_parser.h documents it.
#![no_std]

use core::ffi::c_int;
use core::panic::PanicInfo;
use core::{ptr, slice};

const HEADERS: usize = 64;

const PARSED: c_int = 0;
const INCOMPLETE: c_int = 1;
const MALFORMED: c_int = 2;
const TOO_MANY_HEADERS: c_int = 3;
const BAD_VERSION: c_int = 4;

/// `http_slice`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice {
    data: *const u8,
    len: usize,
}

impl Slice {
    const EMPTY: Slice = Slice {
        data: ptr::null(),
        len: 0,
    };
}

impl From<&[u8]> for Slice {
    fn from(bytes: &[u8]) -> Self {
        Slice {
            data: bytes.as_ptr(),
            len: bytes.len(),
        }
    }
}

/// `http_header`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Header {
    name: Slice,
    value: Slice,
}

/// `http_head`
#[repr(C)]
pub struct Head {
    method: Slice,
    target: Slice,
    minor_version: c_int,
    header_count: usize,
    headers: [Header; HEADERS],
}

fn parse(data: &[u8]) -> Result<Head, c_int> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(data) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(INCOMPLETE),
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_MANY_HEADERS),
        Err(httparse::Error::Version) => return Err(BAD_VERSION),
        Err(_) => return Err(MALFORMED),
    }
    let mut head = Head {
        method: request.method.unwrap_or_default().as_bytes().into(),
        target: request.path.unwrap_or_default().as_bytes().into(),
        minor_version: request.version.unwrap_or_default().into(),
        header_count: request.headers.len(),
        headers: [Header {
            name: Slice::EMPTY,
            value: Slice::EMPTY,
        }; HEADERS],
    };
    for (to, from) in head.headers.iter_mut().zip(request.headers.iter()) {
        to.name = from.name.as_bytes().into();
        to.value = from.value.into();
    }
    Ok(head)
}

/// See http_parser.h.
///
/// # Safety
/// `data` points at `len` readable bytes and `head` at a writable `http_head`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn http_parse(data: *const u8, len: usize, head: *mut Head) -> c_int {
    // SAFETY: as the caller promises; the slice ends with this call, the pointers into it are C's.
    let bytes = unsafe { slice::from_raw_parts(data, len) };
    match parse(bytes) {
        Ok(parsed) => {
            // SAFETY: as the caller promises.
            unsafe { head.write(parsed) };
            PARSED
        }
        Err(why) => why,
    }
}

unsafe extern "C" {
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}
