// SPDX-License-Identifier: MIT
//! Looking for one byte in memory. The C library's memchr(3) needs fewer instructions for short lines than the
//! crate of that name, which is made for long texts.

/// Where `byte` is first in `bytes`.
#[inline]
pub fn byte(byte: u8, bytes: &[u8]) -> Option<usize> {
    // SAFETY: the pointer and length are those of a live slice, which memchr only reads.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), byte.into(), bytes.len()) };
    (!found.is_null()).then(|| found.addr() - bytes.as_ptr().addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_is_found_and_none_beyond_the_end() {
        assert_eq!(byte(b'b', b"abcb"), Some(1));
        assert_eq!(byte(b'a', &b"ba"[..1]), None);
        assert_eq!(byte(b'a', b""), None);
        assert_eq!(byte(0xff, &[0, 0xff]), Some(1));
    }
}
